import { sumCounts, type Bucket } from '../../core/counts.ts';
import { chunkOf, chunkPositions, hasBit, type Bits } from '../../core/coverage.ts';
import type { Position } from '../../core/event.ts';
import type { ChunkNews, ChunkSpan, LiveLane, LiveWaiting } from '../../db/live-deliveries.ts';

export type Totals = Readonly<Partial<Record<Bucket, number>>>;

/** One delivery as far as a bit tells of it. */
export interface Delivered {
  readonly position: Position;
  readonly actionId: string;
}

/** So many chunks of each action are remembered. */
const chunksKept = 64;
/** Of one lane so many waiting deliveries are known one by one; where there are more, they are only counted. */
export const waitingKnown = 200;

/** Which book a lane is kept in: the stretches of a stream follow each other in one. */
export const bookOf = ({ kind, destinationId, runId }: LiveLane): string =>
  kind === 'stream' ? `stream/${destinationId}` : runId;

/**
 * What a follower knows of one replay, or of one stream: the difference between two readings of it is what happened.
 * Kept in memory, while somebody follows.
 */
export class DeliveryBook {
  /** Of the runs that were there when the following began, what they had by then is not told. */
  readonly #since: Date | null;
  readonly #lanes = new Map<string, LiveLane>();
  readonly #bits = new Map<string, Bits>();
  #told: Partial<Record<Bucket, number>> = {};
  #waiting: Map<string, LiveWaiting> | null = null;

  constructor(since: Date | null) {
    this.#since = since;
  }

  get runIds(): string[] {
    return [...new Set([...this.#lanes.values()].map(({ runId }) => runId))];
  }

  get lanes(): LiveLane[] {
    return [...this.#lanes.values()];
  }

  /** The newest run of it. */
  get newest(): LiveLane {
    return this.lanes.at(-1)!;
  }

  /** How many deliveries wait now. */
  get waitingNow(): number {
    return Math.max(0, this.#totals().waiting ?? 0);
  }

  get knowsWaiting(): boolean {
    return (this.#waiting?.size ?? 0) > 0;
  }

  /** Takes in how its lanes stand. @returns where to look for new bits; null: nothing has changed */
  read(lanes: readonly LiveLane[]): ChunkSpan[] | null {
    const changed = lanes.filter((lane) => differs(this.#lanes.get(laneKey(lane)), lane));
    if (changed.length === 0) return null;
    const wasThere = this.#since !== null && this.#lanes.size === 0;
    const spans = changed.flatMap((lane) => {
      const known = this.#lanes.get(laneKey(lane))?.mark ?? (wasThere ? lane.mark : lane.fromPosition - 1);
      const from = chunkOf(Math.min(known, lane.mark) + 1);
      return lane.actions.map(({ actionId }) => spanOf(lane, actionId, from, chunkOf(lane.readTo)));
    });
    for (const lane of lanes) this.#lanes.set(laneKey(lane), lane);
    return spans;
  }

  /** How many more deliveries ended in each way than were told. What a new holder counts anew is not told again. */
  takeCounts(): Totals {
    const { waiting: _, ...totals } = this.#totals();
    const more: Partial<Record<Bucket, number>> = {};
    for (const [bucket, total] of Object.entries(totals) as [Bucket, number][]) {
      const told = this.#told[bucket] ?? 0;
      if (total > told) more[bucket] = total - told;
      this.#told[bucket] = Math.max(total, told);
    }
    return more;
  }

  /**
   * The deliveries that new bits tell of, but for what other runs had before.
   * @param gone what waited before: of a chunk that was not looked at then, only these are new for sure
   */
  takeBits(news: readonly ChunkNews[], gone: readonly LiveWaiting[]): Delivered[] {
    const waited = new Set(gone.map(({ position, actionId }) => `${position}/${actionId}`));
    const delivered: Delivered[] = [];
    for (const { actionId, chunk, bits, others, firstAt } of news) {
      const key = `${actionId}/${chunk}`;
      const before = this.#bits.get(key);
      this.#bits.delete(key);
      this.#bits.set(key, before === undefined ? bits : union(before, bits));
      const isOld = before === undefined && this.#since !== null && firstAt <= this.#since;
      for (const offset of newBits(bits, before)) {
        const position = chunk * chunkPositions + offset;
        if (isOld && !waited.has(`${position}/${actionId}`)) continue;
        if (others === null || !hasBit(others, offset)) delivered.push({ position, actionId });
      }
    }
    const kept = chunksKept * Math.max(1, this.newest.actions.length);
    for (const key of this.#bits.keys()) {
      if (this.#bits.size <= kept) break;
      this.#bits.delete(key);
    }
    return delivered;
  }

  /** What waits now, against what waited. @returns what was set aside since, and the chunks of what waits no more */
  takeWaiting(rows: readonly LiveWaiting[]): { setAside: LiveWaiting[]; gone: LiveWaiting[] } {
    const before = this.#waiting;
    const now = new Map(rows.map((row) => [`${row.position}/${row.actionId}`, row]));
    const whole = rows.length < waitingKnown;
    const isFirst = before === null && this.#since !== null;
    this.#waiting = whole ? now : null;
    if (!whole || isFirst) return { setAside: [], gone: [] };
    const setAside = rows.filter((row) => {
      const known = before?.get(`${row.position}/${row.actionId}`);
      return row.attempts > 0 && (known === undefined || known.attempts !== row.attempts);
    });
    const gone = [...(before ?? [])].filter(([key]) => !now.has(key)).map(([, row]) => row);
    return { setAside, gone };
  }

  /** The chunk of a delivery that waits no more. */
  spanOfGone({ runId, position, actionId }: LiveWaiting): ChunkSpan[] {
    const lane = this.lanes.find((one) => one.runId === runId);
    return lane === undefined ? [] : [spanOf(lane, actionId, chunkOf(position), chunkOf(position))];
  }

  /** All of its runs have ended. */
  get over(): boolean {
    return this.lanes.every(({ ended }) => ended);
  }

  #totals(): Partial<Record<Bucket, number>> {
    const { byAction } = sumCounts(this.lanes.flatMap(({ counts }) => counts));
    return sumCounts(Object.values(byAction).map((events) => ({ events, byAction: {}, reasons: {} }))).events;
  }
}

const laneKey = ({ runId, lane }: LiveLane) => `${runId}/${lane}`;

function differs(before: LiveLane | undefined, now: LiveLane): boolean {
  if (before === undefined) return true;
  return (
    before.mark !== now.mark ||
    before.readTo !== now.readTo ||
    JSON.stringify(before.counts) !== JSON.stringify(now.counts)
  );
}

function spanOf(lane: LiveLane, actionId: string, from: number, to: number): ChunkSpan {
  // A stream's positions lie above all that another run could have delivered before.
  const others = lane.kind === 'replay' && lane.mode !== 'all';
  return { actionId, run: lane.runNumber, from, to: Math.max(from, to), others };
}

function union(one: Bits, other: Bits): Bits {
  return Uint8Array.from(one, (byte, index) => byte | (other[index] ?? 0));
}

function newBits(bits: Bits, before: Bits | undefined): number[] {
  const offsets: number[] = [];
  bits.forEach((byte, index) => {
    const fresh = byte & ~(before?.[index] ?? 0);
    if (fresh === 0) return;
    for (let bit = 0; bit < 8; bit++) if ((fresh & (0x80 >> bit)) !== 0) offsets.push(index * 8 + bit);
  });
  return offsets;
}
