import type { Bucket, Counts } from '../../../src/core/counts.ts';
import { noCounts } from '../../../src/core/counts.ts';
import type { Bits, ChunkBits } from '../../../src/core/coverage.ts';
import type { Down, Health } from '../../../src/core/health.ts';
import type { DeadRow, Due, LaneCommit, WaitingRow } from '../../../src/core/lane-types.ts';
import type { SimEvent } from './scenario.ts';

/** A waiting row as it lies in the database, its times on the wall clock. */
export interface SimRow {
  readonly position: number;
  readonly actionId: string;
  readonly orderKey: string;
  readonly attempts: number;
  readonly rounds: number;
  readonly rest: Bucket | null;
  readonly firstFailedAt: number | null;
  dueAt: number | null;
}

export function deliveryKey(position: number, actionId: string): string {
  return `${position}/${actionId}`;
}

/** What outlives every crash: a lane's row, its coverage, its waiting and dead deliveries. */
export class SimDatabase {
  mark = 0;
  counts: Counts = noCounts;
  ahead: Counts = noCounts;
  readonly own = new Map<string, ChunkBits>();
  readonly rows = new Map<string, SimRow>();
  readonly dead = new Map<string, DeadRow>();
  /** How a lane that is held says so. */
  held: Down | null = null;

  /** Writes all of a commit at once. Doing it again changes nothing. */
  apply(commit: LaneCommit, health: Health, now: number): void {
    this.mark = commit.mark;
    this.counts = commit.counts;
    this.ahead = commit.ahead;
    this.held = health.down;
    for (const part of commit.bits) this.#merge(part);
    for (const row of commit.waiting) this.#write(row, now);
    for (const { position, actionId } of commit.ended) this.rows.delete(deliveryKey(position, actionId));
    for (const row of commit.dead) {
      const key = deliveryKey(row.position, row.actionId);
      if (!this.dead.has(key)) this.dead.set(key, row);
    }
    for (const orderKey of commit.promote) this.#promote(orderKey, now);
  }

  /** Waiting rows of each order key, in the order of positions. */
  byKey(): Map<string, SimRow[]> {
    const keys = new Map<string, SimRow[]>();
    for (const row of this.rows.values()) {
      const list = keys.get(row.orderKey);
      if (list === undefined) keys.set(row.orderKey, [row]);
      else list.push(row);
    }
    for (const list of keys.values()) list.sort((a, b) => a.position - b.position);
    return keys;
  }

  /** The events whose waiting deliveries are due, each with all its rows and with what follows it in its order key. */
  readDue(
    now: number,
    events: ReadonlyMap<number, SimEvent>,
    limit: { keys: number; events: number },
  ): Due<SimEvent>[] {
    const dues: Due<SimEvent>[] = [];
    let keys = 0;
    for (const rows of this.byKey().values()) {
      const isDue = rows.some(({ dueAt }) => dueAt !== null && dueAt <= now);
      const first = rows.filter(({ position }) => position === rows[0]!.position);
      if (!isDue || first.every(({ dueAt }) => dueAt !== null && dueAt > now)) continue;
      if (keys++ === limit.keys) break;
      const positions = [...new Set(rows.map(({ position }) => position))].slice(0, limit.events);
      for (const position of positions) {
        dues.push(
          dueOf(
            rows.filter((row) => row.position === position),
            events.get(position)!,
            now,
          ),
        );
      }
    }
    return dues;
  }

  /** When the next waiting row comes due, null when none has a time. */
  nextDueAt(): number | null {
    const times = [...this.rows.values()].flatMap(({ dueAt }) => (dueAt === null ? [] : [dueAt]));
    return times.length === 0 ? null : Math.min(...times);
  }

  #merge({ actionId, chunk, bits }: LaneCommit['bits'][number]): void {
    const chunks = this.own.get(actionId) ?? new Map();
    this.own.set(actionId, chunks);
    const has = chunks.get(chunk);
    if (has === undefined) chunks.set(chunk, bits.slice());
    else {
      const [to, from] = [wordsOf(has), wordsOf(bits)];
      for (let at = 0; at < to.length; at++) to[at]! |= from[at]!;
    }
  }

  #write(row: WaitingRow, now: number): void {
    const key = deliveryKey(row.position, row.actionId);
    const { position, actionId, orderKey, attempts, rounds, rest, ageMs, dueInMs } = row;
    const firstFailedAt = this.rows.get(key)?.firstFailedAt ?? (ageMs === null ? null : now - ageMs);
    const dueAt = dueInMs === null ? null : now + dueInMs;
    this.rows.set(key, { position, actionId, orderKey, attempts, rounds, rest, firstFailedAt, dueAt });
  }

  #promote(orderKey: string, now: number): void {
    const rows = [...this.rows.values()].filter((row) => row.orderKey === orderKey);
    const first = Math.min(...rows.map(({ position }) => position));
    for (const row of rows) if (row.position === first) row.dueAt ??= now;
  }
}

function dueOf(rows: readonly SimRow[], event: SimEvent, now: number): Due<SimEvent> {
  const { position, orderKey, rest } = rows[0]!;
  const deliveries = rows.map(({ actionId, attempts, rounds, firstFailedAt }) => ({
    actionId,
    attempts,
    rounds,
    ageMs: firstFailedAt === null ? null : now - firstFailedAt,
  }));
  return { position, orderKey, user: event.user, event, rest, deliveries };
}

function wordsOf(bits: Bits): Uint32Array {
  return new Uint32Array(bits.buffer, bits.byteOffset, bits.byteLength / 4);
}
