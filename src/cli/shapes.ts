// What the API answers, as its own schemas have it. Only types: the command line knows the API by HTTP alone.
import type { z } from 'zod';
import type {
  CatalogEntry as CatalogEntrySchema,
  CatalogListed as CatalogListedSchema,
} from '../api/schemas/catalog.ts';
import type { DeliveryNews as DeliveryNewsSchema } from '../api/schemas/delivery-news.ts';
import type { Destination as DestinationSchema } from '../api/schemas/destination.ts';
import type { Preview as PreviewSchema } from '../api/schemas/preview.ts';
import type { Event as EventSchema, EventWithText as EventWithTextSchema } from '../api/schemas/event.ts';
import type {
  EventCompletion as EventCompletionSchema,
  EventDelivery as EventDeliverySchema,
} from '../api/schemas/event-delivery.ts';
import type {
  Notification as NotificationSchema,
  NotificationWithSecret as NotificationWithSecretSchema,
} from '../api/schemas/notification.ts';
import type {
  Replay as ReplaySchema,
  ReplayWithWarnings as ReplayWithWarningsSchema,
} from '../api/schemas/replay.ts';
import type { KeyChangeAnswer, Keys as KeysSchema } from '../api/schemas/key.ts';
import type { Lane as LaneSchema } from '../api/schemas/lane.ts';
import type { ImportWithErrors as ImportWithErrorsSchema } from '../api/schemas/import.ts';
import type { Source as SourceSchema } from '../api/schemas/source.ts';
import type { Token as TokenSchema, TokenWithText as TokenWithTextSchema } from '../api/schemas/token.ts';

export type CatalogListed = z.output<typeof CatalogListedSchema>;
export type CatalogEntry = z.output<typeof CatalogEntrySchema>;
export type Destination = z.output<typeof DestinationSchema>;
export type Preview = z.output<typeof PreviewSchema>;
export type ArchivedEvent = z.output<typeof EventSchema>;
export type EventWithText = z.output<typeof EventWithTextSchema>;
export type EventDelivery = z.output<typeof EventDeliverySchema>;
export type DeliveryNews = z.output<typeof DeliveryNewsSchema>;
export type EventCompletion = z.output<typeof EventCompletionSchema>;
export type Replay = z.output<typeof ReplaySchema>;
export type ReplayWithWarnings = z.output<typeof ReplayWithWarningsSchema>;
export type Notification = z.output<typeof NotificationSchema>;
export type NotificationWithSecret = z.output<typeof NotificationWithSecretSchema>;
export type SecretKeys = z.output<typeof KeysSchema>;
export type KeyChange = z.output<typeof KeyChangeAnswer>;
export type LaneShown = z.output<typeof LaneSchema>;
export type Source = z.output<typeof SourceSchema>;
export type Token = z.output<typeof TokenSchema>;
export type TokenWithText = z.output<typeof TokenWithTextSchema>;
export type ImportWithErrors = z.output<typeof ImportWithErrorsSchema>;

/** A page of a list. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** A refusal as the admin API writes it (RFC 9457), or as the tracking API does. */
export interface ProblemDocument {
  readonly type?: string;
  readonly title?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly message?: string;
  readonly errors?: readonly {
    readonly pointer?: string;
    readonly parameter?: string;
    readonly detail?: string;
    readonly message?: string;
  }[];
  readonly requestId?: string;
}
