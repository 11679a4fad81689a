import { bucketOf, type Bucket, type Counts } from './counts.ts';

/** How one delivery of an event stands. */
export interface Settled {
  readonly actionId: string;
  readonly bucket: Bucket;
}

type Cells = Map<string, number>;

/**
 * The counts of a stretch of a lane. Below the mark an event is counted when the mark passes it, and moved when one
 * that waits ends later, so that these counts always belong to the mark that they are committed with.
 */
export class Tally {
  readonly #events: Cells;
  readonly #byAction: Map<string, Cells>;
  readonly #reasons: Cells;
  /** Handed out again while nothing changes: an idle lane commits each second. */
  #counts: Counts | null = null;

  constructor(counts: Counts) {
    this.#events = cellsOf(counts.events);
    this.#byAction = new Map(Object.entries(counts.byAction).map(([id, cells]) => [id, cellsOf(cells)]));
    this.#reasons = cellsOf(counts.reasons);
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
    const [only] = deliveries;
    const bucket =
      deliveries.length === 1 ? only!.bucket : bucketOf(deliveries.map((delivery) => delivery.bucket));
    bump(this.#events, bucket, by);
    for (const delivery of deliveries) bump(this.#action(delivery.actionId), delivery.bucket, by);
    if (reason !== null) bump(this.#reasons, reason, by);
  }

  /** A counted event's delivery that waited has ended. */
  moveDelivery(actionId: string, to: Bucket): void {
    this.#counts = null;
    const cells = this.#action(actionId);
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

  #action(actionId: string): Cells {
    let cells = this.#byAction.get(actionId);
    if (cells === undefined) this.#byAction.set(actionId, (cells = new Map()));
    return cells;
  }

  #copy(): Counts {
    const byAction = [...this.#byAction].map(([id, cells]) => [id, nonZero(cells)] as const);
    return {
      events: nonZero(this.#events),
      byAction: Object.fromEntries(byAction),
      reasons: nonZero(this.#reasons),
    };
  }
}

function cellsOf(counts: Readonly<Record<string, number>>): Cells {
  return new Map(Object.entries(counts));
}

function nonZero(cells: Cells): Record<string, number> {
  return Object.fromEntries([...cells].filter(([, count]) => count !== 0));
}

function bump(cells: Cells, key: string, by: number): void {
  const value = (cells.get(key) ?? 0) + by;
  if (value < 0) throw new Error(`a count fell below zero: ${key}`);
  cells.set(key, value);
}
