import type { Position } from '../../core/event.ts';
import { takesEvent, type EventFilter } from '../../core/event-filter.ts';
import type { Database } from '../../db/database.ts';
import { searchEvents } from '../../db/search/search.ts';
import { showEvent } from '../schemas/event.ts';
import { heartbeatMs, type LiveConnection } from './connections.ts';
import type { EventFeed, Stretch } from './event-feed.ts';
import { TailQueue, type Skipped } from './tail-queue.ts';

/** What a follower has asked for. */
export interface Tail {
  readonly filter: EventFilter;
  readonly perSecond: number;
  /** The last position that it knows; null: it begins with what comes next. */
  readonly after: Position | null;
}

const queued = { most: 1_000, mostText: 1_000_000 };
/** What came in while a follower was away is read up to this many positions back. */
export const resumeWithin = 100_000;
const catchUp = { limit: 500, positions: 20_000 };
/** As much is written at once. */
const mostAtOnce = 200;

const blockOf = (position: Position, name: string, data: string) =>
  `id: ${position}\nevent: ${name}\ndata: ${data}\n\n`;
const skippedBlock = (skipped: Skipped) => blockOf(skipped.toPosition, 'skipped', JSON.stringify(skipped));

/** Where a follower's own reads of the archive stand in line: one at a time in each process. */
export class CatchUpTurns {
  #last: Promise<unknown> = Promise.resolve();

  async take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return await mine;
  }
}

interface TailDeps {
  readonly db: Database;
  readonly feed: EventFeed;
  readonly turns: CatchUpTurns;
}

/**
 * Writes events as they come in, each once and in the order of positions, behind what the follower knows. What is left
 * out is said in its place.
 */
export class EventTail {
  readonly #deps: TailDeps;
  readonly #connection: LiveConnection;
  readonly #tail: Tail;
  readonly #queue: TailQueue;
  /** Everything up to here was written, waits in the queue, or does not fit the filter. */
  #cursor: Position = 0;
  #live = false;
  #wake: () => void = () => undefined;

  constructor(deps: TailDeps, connection: LiveConnection, tail: Tail) {
    this.#deps = deps;
    this.#connection = connection;
    this.#tail = tail;
    this.#queue = new TailQueue({ perSecond: tail.perSecond, ...queued });
  }

  async follow(): Promise<void> {
    const { feed } = this.#deps;
    const { until } = this.#connection;
    const leave = await feed.join((stretch) => this.#hear(stretch));
    const onEnd = () => this.#wake();
    until.addEventListener('abort', onEnd);
    try {
      // A position that the archive does not have yet is of another archive, or of one that was put back.
      this.#cursor = Math.min(this.#tail.after ?? feed.position, feed.position);
      await this.#connection.write(`id: ${this.#cursor}\n\n`);
      while (!until.aborted && this.#cursor < feed.position) await this.#catchUp();
      this.#live = true; // nothing may come between this and the last look at the feed's position
      await this.#goOn();
    } finally {
      until.removeEventListener('abort', onEnd);
      leave();
    }
  }

  async #catchUp(): Promise<void> {
    const { db, feed, turns } = this.#deps;
    const { write } = this.#connection;
    const oldest = feed.position - resumeWithin;
    if (this.#cursor < oldest) {
      const fromPosition = this.#cursor + 1;
      await write(skippedBlock({ reason: 'too_far_behind', events: null, fromPosition, toPosition: oldest }));
      this.#cursor = oldest;
    }
    const search = {
      filter: this.#tail.filter,
      order: 'oldest' as const,
      behind: this.#cursor,
      ...catchUp,
    };
    const { events, through } = await turns.take(() => searchEvents(db, search));
    const texts = events.map((event) => blockOf(event.position, 'event', JSON.stringify(showEvent(event))));
    if (texts.length > 0) await write(texts.join(''));
    this.#cursor = through ?? feed.position;
  }

  #hear({ from, to, events }: Stretch): void {
    if (!this.#live || to <= this.#cursor) return;
    const now = performance.now();
    const known = this.#cursor;
    this.#cursor = to;
    if (events === null) {
      const skipped = { reason: 'too_far_behind', events: null, toPosition: to } as const;
      this.#queue.skip({ ...skipped, fromPosition: Math.max(from, known + 1) }, now);
    }
    for (const { record, text } of events ?? []) {
      if (record.position > known && takesEvent(this.#tail.filter, record))
        this.#queue.offer(record.position, text, now);
    }
    this.#wake();
  }

  async #goOn(): Promise<void> {
    const { until, write } = this.#connection;
    let saidAt = performance.now();
    while (!until.aborted) {
      const text = this.#next();
      if (text !== '') await write(text);
      else if (performance.now() - saidAt >= heartbeatMs) await write(this.#heartbeat());
      else {
        await this.#somethingWithin(heartbeatMs - (performance.now() - saidAt));
        continue;
      }
      saidAt = performance.now();
    }
  }

  #next(): string {
    let text = '';
    for (let count = 0; count < mostAtOnce; count++) {
      const entry = this.#queue.take(performance.now());
      if (entry === null) break;
      text +=
        'shown' in entry
          ? blockOf(entry.shown.position, 'event', entry.shown.text)
          : skippedBlock(entry.skipped);
    }
    return text;
  }

  /** With how far it has come, so that who comes back does not have all read again that did not fit his filter. */
  #heartbeat(): string {
    return this.#queue.empty ? `: still here\nid: ${this.#cursor}\n\n` : ': still here\n\n';
  }

  async #somethingWithin(ms: number): Promise<void> {
    const waitMs = Math.min(ms, this.#queue.dueInMs(performance.now()));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, waitMs);
    await promise;
    clearTimeout(timer);
    this.#wake = () => undefined;
  }
}
