import type { Due, LaneCommit, Offered } from '../../../src/core/lane-types.ts';
import type { Scenario, SimEvent } from './scenario.ts';

interface Open {
  readonly event: SimEvent;
  /** It came from waiting rows. */
  readonly due: boolean;
  /** Yet to be sent. */
  deliveries: number;
}

/**
 * The events that a slice has read or taken up and that wait for a destination that is down, as they are known from
 * outside. Right once a commit has told what was set aside; while the destination is down nothing is.
 */
export class InHand {
  readonly #orderBy: Scenario['orderBy'];
  readonly #open = new Map<number, Open>();
  /** Waiting rows by order key: what is read behind them only joins them. */
  readonly #rows = new Map<string, number>();

  constructor({ orderBy }: Scenario, rows: Iterable<{ readonly orderKey: string }>) {
    this.#orderBy = orderBy;
    for (const { orderKey } of rows) this.#rows.set(orderKey, (this.#rows.get(orderKey) ?? 0) + 1);
  }

  reads({ event, deliver }: Offered<SimEvent>): void {
    const blocked = (this.#rows.get(this.#keyOf(event)) ?? 0) > 0;
    if (!blocked && deliver.length > 0)
      this.#open.set(event.position, { event, due: false, deliveries: deliver.length });
  }

  takesUp({ event, deliveries }: Due<SimEvent>): void {
    this.#open.set(event.position, { event, due: true, deliveries: deliveries.length });
  }

  /** A commit is handed out: what was set aside is in hand no more, and of those taken up nothing behind it. */
  writes({ waiting, dead }: LaneCommit): void {
    for (const { position } of dead) this.ends(position);
    const aside = new Map<number, Open>();
    // A row that is due at once tells how others of its event ended.
    for (const { position, dueInMs } of waiting.filter((row) => row.dueInMs !== 0)) {
      const open = this.#open.get(position) ?? aside.get(position);
      if (open === undefined) continue;
      this.#open.delete(position);
      aside.set(position, open);
      const key = this.#keyOf(open.event);
      if (!open.due) this.#rows.set(key, (this.#rows.get(key) ?? 0) + 1);
      else if (dueInMs !== null) this.#dropsBehind(position, key);
    }
  }

  #dropsBehind(position: number, key: string): void {
    for (const [other, { event, due }] of this.#open)
      if (due && other > position && this.#keyOf(event) === key) this.#open.delete(other);
  }

  /** A delivery has ended. */
  ends(position: number): void {
    const open = this.#open.get(position);
    if (open === undefined) return;
    const key = this.#keyOf(open.event);
    if (open.due) this.#rows.set(key, this.#rows.get(key)! - 1);
    if (--open.deliveries === 0) this.#open.delete(position);
  }

  /** Whether the first events of all order keys are fewer than make a streak. */
  get isFew(): boolean {
    const first = new Map<string, SimEvent>();
    for (const { event } of this.#open.values()) {
      const key = this.#keyOf(event);
      if (event.position < (first.get(key)?.position ?? Infinity)) first.set(key, event);
    }
    return first.size < 5 || new Set([...first.values()].map(({ user }) => user)).size < 2;
  }

  /** As its rows have it. */
  #keyOf({ position, user }: SimEvent): string {
    if (this.#orderBy === 'none') return `#${position}`;
    return this.#orderBy === 'user' ? user : '*';
  }
}
