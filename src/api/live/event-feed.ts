import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Position } from '../../core/event.ts';
import { archiveHead } from '../../db/archive/read.ts';
import type { Database } from '../../db/database.ts';
import type { EventRecord } from '../../db/event-lookup.ts';
import { watchHead, type HeadWatch } from '../../db/head-watch.ts';
import { searchEvents } from '../../db/search/search.ts';
import { showEvent } from '../schemas/event.ts';

/** An event with its text, which all who show it share. */
export interface LiveEvent {
  readonly record: EventRecord;
  readonly text: () => string;
}

/** All events of a stretch of positions, or, with `events` null, that nobody has looked at it. */
export interface Stretch {
  readonly from: Position;
  readonly to: Position;
  readonly events: readonly LiveEvent[] | null;
}

type Listener = (stretch: Stretch) => void;

const pageEvents = 1_000;
/** Who is further behind the head than this goes on near it: nobody could look at so many. */
const mostBehind = 50_000;
const retryMs = 1_000;

/**
 * The events that come into the archive, read once for everybody in this process who follows them, and not at all while
 * nobody does.
 */
export class EventFeed {
  readonly #db: Database;
  readonly #log: Logger;
  readonly #listeners = new Set<Listener>();
  #users = 0;
  #opening: Promise<HeadWatch> | null = null;
  #position: Position = 0;
  #reading = false;

  constructor({ db, log }: { readonly db: Database; readonly log: Logger }) {
    this.#db = db;
    this.#log = log;
  }

  /** Up to where listeners have heard everything. */
  get position(): Position {
    return this.#position;
  }

  /** Calls a listener with everything behind `position`. @returns what ends that @throws when Postgres is away */
  async join(listener: Listener): Promise<() => void> {
    this.#users += 1;
    const opening = (this.#opening ??= this.#open());
    try {
      await opening;
    } catch (error) {
      if (this.#opening === opening) this.#opening = null;
      this.#users -= 1;
      throw error;
    }
    this.#listeners.add(listener);
    return () => this.#leave(listener);
  }

  async #open(): Promise<HeadWatch> {
    this.#position = await archiveHead(this.#db);
    const watch = watchHead(this.#db);
    watch.onRise(() => void this.#read(watch));
    return watch;
  }

  #leave(listener: Listener): void {
    if (!this.#listeners.delete(listener)) return;
    this.#users -= 1;
    if (this.#users > 0 || this.#opening === null) return;
    void this.#opening.then((watch) => watch.close()).catch(() => undefined);
    this.#opening = null;
  }

  async #read(watch: HeadWatch): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#listeners.size > 0 && this.#position < watch.head) await this.#readOn(watch.head);
    } catch (error) {
      this.#log.warn({ err: error }, 'following new events waits for the database');
      await delay(retryMs, undefined, { ref: false });
    } finally {
      this.#reading = false;
    }
    if (this.#listeners.size > 0 && this.#position < watch.head) void this.#read(watch);
  }

  async #readOn(head: Position): Promise<void> {
    const from = this.#position + 1;
    if (head - this.#position > mostBehind) return this.#tell({ from, to: head - pageEvents, events: null });
    const found = await searchEvents(this.#db, {
      filter: {},
      order: 'oldest',
      behind: this.#position,
      limit: pageEvents,
    });
    const events = found.events.map((record) => ({ record, text: textOf(record) }));
    this.#tell({ from, to: found.through ?? head, events });
  }

  #tell(stretch: Stretch): void {
    this.#position = stretch.to;
    for (const listener of this.#listeners) listener(stretch);
  }
}

/** Made once, and only if somebody shows it. */
function textOf(record: EventRecord): () => string {
  let text: string | null = null;
  return () => (text ??= JSON.stringify(showEvent(record)));
}
