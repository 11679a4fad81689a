/** The six calls of the Segment spec. Source: segment-docs, connections/spec. */
export const eventTypes = ['identify', 'track', 'page', 'screen', 'group', 'alias'] as const;
export type EventType = (typeof eventTypes)[number];

/** Where a source's events come from. */
export const origins = ['tracking_api', 'track_api', 'import', 'reverse_etl'] as const;
export type Origin = (typeof origins)[number];

/** An event's place in the archive: a positive integer, commit-ordered. 0 stands before the first event. */
export type Position = number;

/** Users are spread over this many buckets; a lane owns a range of them. */
export const bucketCount = 1024;

/**
 * One change that turns the sender's text into the completed event: cut `length` bytes at byte `offset`, put
 * `insert` there. Without `insert` it is a marked span that only some destinations cut.
 */
export type Edit = readonly [name: string, offset: number, length: number, insert?: string];

/** What the archive's columns say of every event. */
export interface EventColumns {
  readonly receivedAt: Date;
  /** Corrected for the skew of the sender's clock. */
  readonly timestamp: Date;
  readonly sourceId: string;
  readonly origin: Origin;
  readonly type: EventType;
  readonly name: string | null;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly messageId: string;
  /** False: imported history, which streams pass over. */
  readonly live: boolean;
}

/** What delivery decides by and sends; the row of the archive without what only look-ups need. */
export interface ArchivedEvent extends EventColumns {
  readonly position: Position;
  readonly bucket: number;
  /** The event's own `integrations` member as JSON text, null when absent or empty. */
  readonly integrations: string | null;
  /** The sender's JSON, byte for byte, in UTF-8. */
  readonly raw: Uint8Array;
  /** JSON text of Edit[]. */
  readonly edits: string;
}

/** The user that an event belongs to for ordering: events of one key are delivered one after another. */
export function orderKeyOf(event: Pick<ArchivedEvent, 'userId' | 'anonymousId' | 'messageId'>): string {
  if (event.userId !== null) return `u:${event.userId}`;
  if (event.anonymousId !== null) return `a:${event.anonymousId}`;
  return `m:${event.messageId}`;
}
