import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Database } from '../../db/database.ts';
import {
  chunksSince,
  deadSince,
  lastRunNumber,
  liveLanes,
  namesOf,
  oneSnapshot,
  waitingIn,
  type ChunkSpan,
  type LiveDead,
  type LiveLane,
  type LiveWaiting,
} from '../../db/live-deliveries.ts';
import type { Queryable } from '../../db/sql.ts';
import { deliveryId, deliveryName } from '../../destinations/delivery-id.ts';
import type { DeliveryNews } from '../schemas/delivery-news.ts';
import { bookOf, DeliveryBook, waitingKnown, type Delivered, type Totals } from './delivery-book.ts';

export type News = z.input<typeof DeliveryNews>;
type Listener = (news: readonly News[]) => void;

const lookMs = 1_000;
/** A commit writes its times before it is seen; what it wrote is looked for so far back. Milliseconds. */
const slackMs = 5_000;
/** So many deliveries of each kind are told one by one, of one replay or stream at a time. */
export const toldAtOnce = 50;

/** What has changed in one book between two looks. */
interface Change {
  readonly book: DeliveryBook;
  readonly counts: Totals;
  readonly delivered: readonly Delivered[];
  readonly setAside: readonly LiveWaiting[];
  readonly dead: readonly LiveDead[];
}

/**
 * What becomes of deliveries, read once a second for everybody in this process who follows them, and not at all while
 * nobody does. It is read off what the engine's commits write anyway: nothing is written for it, and no commit waits.
 */
export class DeliveryFeed {
  readonly #db: Database;
  readonly #log: Logger;
  readonly #listeners = new Set<Listener>();
  #running: AbortController | null = null;
  #books = new Map<string, DeliveryBook>();
  #dead = new Map<string, number>();
  #lookedAt: Date | null = null;
  #lastRun = 0;
  #followedSince = new Date(0);
  #first: Promise<void> = Promise.resolve();

  constructor({ db, log }: { readonly db: Database; readonly log: Logger }) {
    this.#db = db;
    this.#log = log;
  }

  /** Calls a listener with what happens from the moment on at which this resolves. @returns what ends that */
  async join(listener: Listener): Promise<() => void> {
    this.#listeners.add(listener);
    if (this.#running === null) this.#start();
    await this.#first;
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#running?.abort();
      this.#running = null;
    };
  }

  #start(): void {
    const running = new AbortController();
    this.#running = running;
    this.#books = new Map();
    this.#dead = new Map();
    this.#lookedAt = null;
    const begun = Promise.withResolvers<void>();
    this.#first = begun.promise;
    void this.#run(running.signal, begun.resolve);
  }

  async #run(over: AbortSignal, begun: () => void): Promise<void> {
    while (!over.aborted) {
      try {
        const news = await this.#look(over);
        begun();
        if (news.length > 0) for (const listener of this.#listeners) listener(news);
      } catch (error) {
        if (!over.aborted) this.#log.warn({ err: error }, 'following deliveries waits for the database');
      }
      await delay(lookMs, undefined, { signal: over, ref: false }).catch(() => undefined);
    }
    begun();
  }

  /** In one snapshot, so that counts and what is told one by one belong together. */
  async #look(over: AbortSignal): Promise<News[]> {
    return await this.#db.transaction(async (tx) => {
      await oneSnapshot(tx);
      return await this.#lookIn(tx, over);
    });
  }

  async #lookIn(tx: Queryable, over: AbortSignal): Promise<News[]> {
    const known = [...this.#books.values()].flatMap(({ runIds }) => runIds);
    const last = this.#lookedAt;
    const newest = await lastRunNumber(tx);
    // A short run may have begun and ended since the last look.
    const lanes = await liveLanes(tx, known, last === null ? newest : this.#lastRun);
    this.#lastRun = newest;
    const now = lanes[0]?.now ?? last ?? new Date(0);
    const since = last === null ? new Date(0) : new Date(last.getTime() - slackMs);
    const changed = this.#readLanes(lanes, last === null ? now : null);
    const waiting = await this.#readWaiting(tx, [...changed.keys()]);
    const left = [...waiting].flatMap(([book, rows]) => rows.gone.flatMap((row) => book.spanOfGone(row)));
    const spans = [...changed.values()].flat();
    const chunks = await chunksSince(tx, [...spans, ...left], since);
    const dead = await this.#readDead(tx, [...changed.keys()], last);
    const changes = [...changed.keys()].map((book): Change => {
      const runs = new Set(book.lanes.map(({ runNumber }) => runNumber));
      const { setAside, gone } = waiting.get(book)!;
      const delivered = book.takeBits(
        chunks.filter(({ run }) => runs.has(run)),
        gone,
      );
      const ids = new Set(book.runIds);
      return {
        book,
        counts: book.takeCounts(),
        delivered,
        setAside,
        dead: dead.filter(({ runId }) => ids.has(runId)),
      };
    });
    this.#lookedAt = now;
    if (last === null) this.#followedSince = now;
    for (const [key, book] of this.#books) if (book.over && !changed.has(book)) this.#books.delete(key);
    if (last === null || over.aborted) return [];
    return await this.#told(tx, changes, { from: last, to: now });
  }

  #readLanes(lanes: readonly LiveLane[], since: Date | null): Map<DeliveryBook, ChunkSpan[]> {
    const changed = new Map<DeliveryBook, ChunkSpan[]>();
    for (const [key, own] of Map.groupBy(lanes, bookOf)) {
      let book = this.#books.get(key);
      if (book === undefined) this.#books.set(key, (book = new DeliveryBook(since)));
      const spans = book.read(own);
      if (spans !== null) changed.set(book, spans);
    }
    return changed;
  }

  async #readWaiting(tx: Queryable, books: readonly DeliveryBook[]) {
    const asked = books.filter((book) => book.waitingNow > 0 || book.knowsWaiting);
    const rows = await waitingIn(
      tx,
      asked.flatMap(({ lanes }) => lanes.filter(({ ended }) => !ended)),
      waitingKnown,
    );
    const byRun = Map.groupBy(rows, ({ runId }) => runId);
    return new Map(
      books.map((book) => [book, book.takeWaiting(book.runIds.flatMap((runId) => byRun.get(runId) ?? []))]),
    );
  }

  async #readDead(tx: Queryable, books: readonly DeliveryBook[], last: Date | null): Promise<LiveDead[]> {
    if (last === null) return [];
    const since = new Date(last.getTime() - slackMs);
    const destinations = new Set(books.map(({ newest }) => newest.destinationId));
    const rows = await deadSince(tx, [...destinations], since, 2 * toldAtOnce);
    const fresh = rows.filter(({ id, diedAt }) => !this.#dead.has(id) && diedAt > this.#followedSince);
    for (const { id, diedAt } of rows) this.#dead.set(id, diedAt.getTime());
    for (const [id, at] of this.#dead) if (at < since.getTime() - slackMs) this.#dead.delete(id);
    return fresh;
  }

  async #told(tx: Queryable, changes: readonly Change[], when: { from: Date; to: Date }): Promise<News[]> {
    const told = changes.map((change) => ({
      ...change,
      delivered: change.delivered.slice(0, toldAtOnce),
      setAside: change.setAside.slice(0, toldAtOnce),
      dead: change.dead.slice(0, toldAtOnce),
      found: change,
    }));
    const positions = told.flatMap(({ delivered, setAside, dead }) =>
      [...delivered, ...setAside, ...dead].map(({ position }) => position),
    );
    const names = await namesOf(tx, positions);
    return told.flatMap((one) => {
      const { book, counts, delivered, setAside, dead, found } = one;
      if (Object.keys(counts).length + delivered.length + setAside.length + dead.length === 0) return [];
      const { destinationId, kind, runId, newIds } = book.newest;
      const event = ({ position, actionId }: Delivered) => ({
        position,
        messageId: names.get(position)?.messageId ?? null,
        type: names.get(position)?.type ?? null,
        name: names.get(position)?.name ?? null,
        actionId,
        deliveryId: deliveryId(deliveryName(destinationId, actionId, position, newIds ? runId : undefined)),
      });
      const sent = (counts.delivered ?? 0) + (counts.unconfirmable ?? 0);
      return [
        {
          destinationId,
          kind,
          replayId: kind === 'replay' ? runId : null,
          from: when.from.toISOString(),
          to: when.to.toISOString(),
          counts,
          waitingNow: book.waitingNow,
          delivered: delivered.map(event),
          setAside: setAside.map((row) => ({
            ...event(row),
            attempts: row.attempts,
            nextRetryAt: row.dueAt?.toISOString() ?? null,
            errorClass: row.errorClass,
            message: row.message,
          })),
          dead: dead.map((row) => ({
            ...event(row),
            deadLetterId: row.id,
            attempts: row.attempts,
            errorClass: row.errorClass,
            message: row.message,
          })),
          omitted: {
            delivered: Math.max(0, sent - delivered.length),
            setAside: found.setAside.length - setAside.length,
            dead: Math.max(0, (counts.dead ?? 0) - dead.length),
          },
        },
      ];
    });
  }
}
