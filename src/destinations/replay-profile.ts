import { z } from 'zod';
import { ItemErrors } from './item-rules.ts';

/**
 * A statement about a destination with where it was found: a page or code of its vendor, the code of the package, or
 * the code of somebody else who sends there. `confirmed: false` says that it could not be verified.
 */
const said = <T extends z.ZodType>(value: T) =>
  z.strictObject({
    value,
    source: z.string().min(10),
    confirmed: z.boolean().default(true),
    note: z.exactOptional(z.string().min(1)),
  });

const seconds = z.int().positive();
const positive = z.int().positive();

/** What becomes of an event that is older than a destination takes. */
const tooOld = z.enum(['refused', 'fails_request', 'dropped_silently', 'dated_on_arrival', 'unknown']);

const Dedupe = z.strictObject({
  /** What it knows an event again by; null: it takes each as a new one. */
  key: z.string().nullable(),
  /** The field of a mapping that carries it. */
  field: z.exactOptional(z.string()),
  windowSeconds: z.exactOptional(seconds),
});

/** Something that is sent otherwise, or beside, in a replay only. */
const Overlay = z.strictObject({
  kind: z.enum(['mapping', 'setting', 'feature', 'batching']),
  /** Of these actions; all of them when it is absent. */
  actions: z.exactOptional(z.array(z.string()).min(1)),
  /** The field, setting or feature. */
  name: z.string(),
  value: z.json(),
  /** Only when every event of a request is older. */
  olderThanSeconds: z.exactOptional(seconds),
  because: z.string(),
});

/** What a mapping has to say; a condition without a value asks whether the field is there. */
const When = z.strictObject({
  match: z.enum(['all', 'any']).default('all'),
  conditions: z
    .array(
      z.strictObject({
        field: z.string(),
        operator: z.enum(['is', 'is_not']),
        value: z.exactOptional(z.json()),
      }),
    )
    .min(1),
});

const SideEffectOf = z.strictObject({
  kind: z.enum(['messages', 'automations', 'deletions', 'overwrites', 'costs']),
  /** By these actions; all of them when it is absent. */
  actions: z.exactOptional(z.array(z.string()).min(1)),
  /** Only when the mapping says so; always when it is absent. */
  when: z.exactOptional(When),
  text: z.string(),
});

/** What is taken to be worked off later, so that no answer tells what became of it. */
const Unconfirmed = z.strictObject({
  /** By these actions; all of them when it is absent. */
  actions: z.exactOptional(z.array(z.string()).min(1)),
  /** Only where several events may go into a request. */
  batches: z.exactOptional(z.literal(true)),
  text: z.string(),
});

/**
 * What a destination makes of events from the past: data, one file per type in `profiles/`. Whoever plans, sends or
 * explains a replay goes by it. What is absent is not known, which is not the same as none.
 */
export const ReplayProfile = z.strictObject({
  type: z.string(),
  maxAgeSeconds: z.exactOptional(said(seconds)),
  /** It takes events of any age. */
  anyAge: z.exactOptional(said(z.literal(true))),
  earliest: z.exactOptional(said(z.iso.datetime())),
  maxFutureSeconds: z.exactOptional(said(z.int().nonnegative())),
  tooOld: z.exactOptional(said(tooOld)),
  dedupe: z.exactOptional(said(Dedupe)),
  batch: z.exactOptional(
    said(z.strictObject({ events: z.exactOptional(positive), bytes: z.exactOptional(positive) })),
  ),
  /** The largest event, as it is sent; enforced in a replay and in the stream alike. */
  eventBytes: z.exactOptional(said(positive)),
  rate: z.exactOptional(
    said(
      z.strictObject({
        eventsPerSecond: z.exactOptional(z.number().positive()),
        requestsPerSecond: z.exactOptional(z.number().positive()),
      }),
    ),
  ),
  overlays: z.array(said(Overlay)).default([]),
  sideEffects: z.array(said(SideEffectOf)).default([]),
  /** How it answers when some events of a request are good and others are not. */
  partialFailure: z.exactOptional(said(z.enum(['whole_request', 'per_item', 'per_item_in_2xx', 'none']))),
  /** In a replay and in the stream alike. */
  itemErrors: z.exactOptional(said(ItemErrors)),
  /** Whether an answer says that the events were taken. */
  confirmable: z.exactOptional(said(z.boolean())),
  /** Where it does not, though it does elsewhere. */
  unconfirmed: z.array(said(Unconfirmed)).default([]),
  /** Whom it must be able to tell an event by. */
  identity: z.exactOptional(said(z.string())),
  /** What an old identify or group does to newer state. */
  state: z.exactOptional(said(z.string())),
  remarks: z.array(said(z.string())).default([]),
});

export type ReplayProfile = z.output<typeof ReplayProfile>;
