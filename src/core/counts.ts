/**
 * Where an event of a run ended. One bucket each, the first of this list that applies to any of its deliveries:
 * what needs attention comes before what went well, and what was sent before what was not.
 */
export const buckets = [
  'waiting',
  'dead',
  'unconfirmable',
  'delivered',
  'alreadyDelivered',
  'suppressed',
  'invalid',
  'superseded',
  'tooOld',
  'filtered',
] as const;
export type Bucket = (typeof buckets)[number];

/** Events by bucket, deliveries by action, and why events were filtered. Only non-zero members are present. */
export interface Counts {
  readonly events: Readonly<Partial<Record<Bucket, number>>>;
  readonly byAction: Readonly<Record<string, Readonly<Partial<Record<Bucket, number>>>>>;
  readonly reasons: Readonly<Record<string, number>>;
}

export const noCounts: Counts = { events: {}, byAction: {}, reasons: {} };

/** The bucket of an event whose deliveries ended in these. Without any delivery it was filtered. */
export function bucketOf(deliveries: readonly Bucket[]): Bucket {
  return buckets.find((bucket) => deliveries.includes(bucket)) ?? 'filtered';
}

/** Whether an event of a bucket was left out before anything was sent, for a reason that is told. */
export const isLeftOut = (bucket: Bucket) => bucket === 'filtered' || bucket === 'tooOld';

/** Adds up the counts of a run's lanes. */
export function sumCounts(list: readonly Counts[]): Counts {
  const events: Partial<Record<Bucket, number>> = {};
  const byAction: Record<string, Partial<Record<Bucket, number>>> = {};
  const reasons: Record<string, number> = {};
  for (const counts of list) {
    addInto(events, counts.events);
    addInto(reasons, counts.reasons);
    for (const [action, part] of Object.entries(counts.byAction)) addInto((byAction[action] ??= {}), part);
  }
  return { events, byAction, reasons };
}

/** How many events of a run have a bucket. */
export function countedEvents(counts: Counts): number {
  return Object.values(counts.events).reduce((sum, count) => sum + count, 0);
}

function addInto(
  sum: Partial<Record<string, number>>,
  part: Readonly<Partial<Record<string, number>>>,
): void {
  for (const [key, count] of Object.entries(part)) sum[key] = (sum[key] ?? 0) + (count ?? 0);
}
