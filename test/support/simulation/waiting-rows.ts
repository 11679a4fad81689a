import type { Bucket } from '../../../src/core/counts.ts';
import type { Due, WaitingRow } from '../../../src/core/lane-types.ts';
import { keyOf } from './delivery-key.ts';
import type { SimEvent } from './scenario.ts';

/** A waiting row as it lies in the database, its times on the wall clock. */
export interface SimRow {
  readonly position: number;
  readonly actionId: string;
  readonly orderKey: string;
  readonly attempts: number;
  readonly rounds: number;
  readonly rest: Bucket | null;
  readonly errorClass: string | null;
  readonly firstFailedAt: number | null;
  dueAt: number | null;
}

/** The waiting rows of a lane, by delivery. */
export class WaitingRows extends Map<number, SimRow> {
  readonly #wall: () => number;

  constructor(wall: () => number) {
    super();
    this.#wall = wall;
  }

  /** Waiting rows of each order key, in the order of positions. */
  byKey(): Map<string, SimRow[]> {
    const keys = new Map<string, SimRow[]>();
    for (const row of this.values()) {
      const list = keys.get(row.orderKey);
      if (list === undefined) keys.set(row.orderKey, [row]);
      else list.push(row);
    }
    for (const list of keys.values()) if (list.length > 1) list.sort((a, b) => a.position - b.position);
    return keys;
  }

  /** The events whose waiting deliveries are due, each with all its rows and with what follows it in its order key. */
  readDue(events: ReadonlyMap<number, SimEvent>, limit: { keys: number; events: number }): Due<SimEvent>[] {
    const now = this.#wall();
    const dues: Due<SimEvent>[] = [];
    let keys = 0;
    for (const rows of this.byKey().values()) {
      if (!rows.some(({ dueAt }) => dueAt !== null && dueAt <= now)) continue;
      if (keys++ === limit.keys) break;
      // The first of the key decides: what follows is taken along, but nothing overtakes it.
      if (soonest(rows.filter(({ position }) => position === rows[0]!.position)) > now) continue;
      const positions = [...new Set(rows.map(({ position }) => position))].slice(0, limit.events);
      for (const position of positions) {
        const own = rows.filter((row) => row.position === position);
        dues.push(dueOf(own, events.get(position)!, now));
      }
    }
    return dues;
  }

  /** In how long the next waiting row comes due, null when none has a time. */
  nextDueInMs(): number | null {
    if (this.size === 0) return null;
    const at = soonest([...this.values()]);
    return at === -Infinity ? null : Math.max(0, at - this.#wall());
  }

  /** Writes a row; since when the delivery fails stays as it was first written. */
  write(row: WaitingRow): void {
    const key = keyOf(row.position, row.actionId);
    const now = this.#wall();
    const { position, actionId, orderKey, attempts, rounds, rest, failure, ageMs, dueInMs } = row;
    const firstFailedAt = this.get(key)?.firstFailedAt ?? (ageMs === null ? null : now - ageMs);
    const dueAt = dueInMs === null ? null : now + dueInMs;
    const errorClass = failure?.errorClass ?? null;
    this.set(key, { position, actionId, orderKey, attempts, rounds, rest, errorClass, firstFailedAt, dueAt });
  }

  /** Makes the waiting deliveries of an event that failed so last due now, if they have a later time. */
  callUp(position: number, errorClass: string): void {
    const now = this.#wall();
    for (const row of this.values())
      if (row.position === position && row.errorClass === errorClass && (row.dueAt ?? 0) > now)
        row.dueAt = now;
  }

  /** Makes the first waiting event of an order key due now, of its deliveries those that a condition names. */
  callFirst(orderKey: string, which: (row: SimRow) => boolean): void {
    const rows = [...this.values()].filter((row) => row.orderKey === orderKey);
    const first = Math.min(...rows.map(({ position }) => position));
    for (const row of rows) if (row.position === first && which(row)) row.dueAt = this.#wall();
  }
}

/** When the first of these rows that has a time comes due; -Infinity: none has one. */
function soonest(rows: readonly SimRow[]): number {
  const times = rows.flatMap(({ dueAt }) => (dueAt === null ? [] : [dueAt]));
  return times.length === 0 ? -Infinity : Math.min(...times);
}

function dueOf(rows: readonly SimRow[], event: SimEvent, now: number): Due<SimEvent> {
  const { position, orderKey, rest } = rows[0]!;
  const deliveries = rows.map(({ actionId, attempts, rounds, errorClass, firstFailedAt }) => ({
    actionId,
    attempts,
    rounds,
    errorClass,
    ageMs: firstFailedAt === null ? null : now - firstFailedAt,
  }));
  return { position, orderKey, user: event.user, event, rest, deliveries };
}
