import type { Block } from './budget.ts';

/**
 * Another block is fetched when less than this is left of the last one; milliseconds. A replay's is less than its blocks
 * may lie ahead, so that those who have none come first. A stream's is more, so that what comes in while it waits for
 * its turn need not wait for another.
 */
const fetchAheadMs = { replay: 120, stream: 250 };

/**
 * How late sends may be and still be made up for; milliseconds. It crowds a second by as much, as does a request that
 * is written late, and by the events of one request: together they must stay below a tenth of a second.
 */
function catchUpMs({ batch, eventMs }: Block): number {
  const batchMs = Number.isFinite(batch) ? batch * eventMs : 0;
  return Math.min(65, Math.max(10, 85 - batchMs));
}

/**
 * Spaces sends over the blocks that it is given: each request keeps the next one waiting for the time of its events.
 * What is too late to be made up for is lost, so no border between blocks, or between holders, sees a burst; a block of
 * a few events is shorter than a timer is exact, so it may be used as late as anything else.
 * Times are milliseconds on the holder's clock.
 */
export class Pacer {
  readonly #fetchAheadMs: number;
  #blocks: { block: Block; events: number; requests: number }[] = [];
  /** The last request: when it took its room, and for how many events. */
  #last: { at: number; events: number } | null = null;

  constructor(kind: 'stream' | 'replay') {
    this.#fetchAheadMs = fetchAheadMs[kind];
  }

  /** Adds a block; it must not begin before the last one ends. */
  add(block: Block): void {
    this.#blocks.push({ block, events: block.events, requests: block.requests });
  }

  /** Gives up what it holds: the rate has changed, and blocks of a slow one are long. */
  clear(): void {
    this.#blocks = [];
    this.#last = null;
  }

  /** Events that may still leave. */
  left(now: number): number {
    this.#drop(now);
    return this.#blocks.reduce((sum, { events }) => sum + events, 0);
  }

  /** When another block should be fetched, to be there in time if the answer takes so long. */
  fetchAt(now: number, answersInMs: number): number {
    const last = this.#blocks.at(-1);
    return last === undefined ? now : last.block.until - this.#fetchAheadMs - answersInMs;
  }

  /** When the next request may leave; null: a block must be fetched first. */
  leaveAt(now: number): number | null {
    this.#drop(now);
    const current = this.#blocks[0];
    return current === undefined ? null : Math.max(current.block.from, this.#freeAt(current.block));
  }

  /** How many events a request may carry that leaves now. */
  room(now: number): number {
    const at = this.leaveAt(now);
    const current = this.#blocks[0];
    if (at === null || at > now || current === undefined) return 0;
    return Math.min(current.block.batch, current.events);
  }

  /**
   * A request leaves now. @param events no more than there is room for
   * @returns for how long it keeps the next one waiting; milliseconds
   */
  take(events: number, now: number): number {
    const at = this.leaveAt(now);
    const current = this.#blocks[0];
    if (at === null || at > now || current === undefined) throw new Error('nothing may leave now');
    // A timer that fires late must not slow the rate, yet little enough is made up for that no second sees too many.
    this.#last = { at: Math.max(at, now - catchUpMs(current.block)), events };
    current.events -= events;
    current.requests--;
    return Math.max(events * current.block.eventMs, current.block.requestMs);
  }

  /** Blocks that are over or used up. */
  #drop(now: number): void {
    for (let first = this.#blocks[0]; first !== undefined; first = this.#blocks[0]) {
      const { block, events, requests } = first;
      const isOver = now >= block.until + catchUpMs(block) || this.#freeAt(block) >= block.until;
      if (!isOver && events > 0 && requests > 0) return;
      this.#blocks.shift();
    }
  }

  #freeAt({ eventMs, requestMs }: Block): number {
    if (this.#last === null) return Number.NEGATIVE_INFINITY;
    return this.#last.at + Math.max(this.#last.events * eventMs, requestMs);
  }
}
