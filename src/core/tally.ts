import { bucketOf, type Bucket, type Counts } from './counts.ts';

/** How one delivery of an event stands. */
export interface Settled {
  readonly actionId: string;
  readonly bucket: Bucket;
}

type Cells = Partial<Record<string, number>>;

/**
 * The counts of a stretch of a lane. Below the mark an event is counted when the mark passes it, and moved when one
 * that waits ends later, so that these counts always belong to the mark that they are committed with.
 */
export class Tally {
  readonly #events: Cells;
  readonly #byAction: Record<string, Cells>;
  readonly #reasons: Cells;
  /** Handed out again while nothing changes: an idle lane commits each second. */
  #counts: Counts | null = null;

  constructor(counts: Counts) {
    this.#events = { ...counts.events };
    this.#byAction = Object.fromEntries(
      Object.entries(counts.byAction).map(([id, cells]) => [id, { ...cells }]),
    );
    this.#reasons = { ...counts.reasons };
  }

  /** Counts an event that the mark passes. @param reason why it was filtered, if it was */
  count(deliveries: readonly Settled[], reason: string | null): void {
    this.#add(deliveries, reason, 1);
  }

  /** Takes back what `count` added for the same event. */
  discount(deliveries: readonly Settled[], reason: string | null): void {
    this.#add(deliveries, reason, -1);
  }

  #add(deliveries: readonly Settled[], reason: string | null, by: number): void {
    this.#counts = null;
    bump(this.#events, bucketOf(deliveries.map((delivery) => delivery.bucket)), by);
    for (const { actionId, bucket } of deliveries) bump((this.#byAction[actionId] ??= {}), bucket, by);
    if (reason !== null) bump(this.#reasons, reason, by);
  }

  /** A counted event's delivery that waited has ended. */
  moveDelivery(actionId: string, to: Bucket): void {
    this.#counts = null;
    const cells = (this.#byAction[actionId] ??= {});
    bump(cells, 'waiting', -1);
    bump(cells, to, 1);
  }

  /** The last delivery of a counted event that waited has ended. */
  moveEvent(to: Bucket): void {
    this.#counts = null;
    bump(this.#events, 'waiting', -1);
    bump(this.#events, to, 1);
  }

  /** The counts as they stand now; what is handed out does not change later. */
  counts(): Counts {
    return (this.#counts ??= this.#copy());
  }

  #copy(): Counts {
    const byAction = Object.fromEntries(
      Object.entries(this.#byAction).map(([id, cells]) => [id, { ...cells }]),
    );
    return { events: { ...this.#events }, byAction, reasons: { ...this.#reasons } } as Counts;
  }
}

function bump(cells: Cells, key: string, by: number): void {
  const value = (cells[key] ?? 0) + by;
  if (value < 0) throw new Error(`a count fell below zero: ${key}`);
  if (value === 0) delete cells[key];
  else cells[key] = value;
}
