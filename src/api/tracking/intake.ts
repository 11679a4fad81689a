import type { Logger } from 'pino';
import { sdkOfUserAgent, type Sdk } from '../../core/sdk.ts';
import type { AppendOptions } from '../../db/archive/append.ts';
import { keepEvents } from '../../db/archive/keep.ts';
import type { Database } from '../../db/database.ts';
import type { KeyedSource } from '../../db/write-keys.ts';
import { watchWaiting } from '../../metrics/tracking.ts';
import type { TracedRequest } from '../../tracing/events.ts';
import { openSourceUsage, type SourceUsage } from '../source-usage.ts';
import { openBodyRoom, type BodyShare } from './body-room.ts';
import { createGroupCommit, type Weight } from './group-commit.ts';
import { committing, countKept, countStored, metered, timed } from './intake-meter.ts';
import { openRateLimit } from './rate-limit.ts';
import type { ReceivedBody, ReceivedEvents, Sender } from './received.ts';
import { isRefusal, type Refusal, type StrictRefusal, type TooFast } from './refusal.ts';
import { openSuppressedLookUp, type SuppressedLookUp } from './suppressed-look-up.ts';
import { rememberingFindSource } from './write-key.ts';

export interface IntakeOptions extends AppendOptions {
  readonly db: Database;
  readonly logger?: Pick<Logger, 'error' | 'warn'>;
  /** How many events may wait to be stored before requests are refused with 503. */
  readonly maxWaitingEvents?: number;
  /** How many bytes of events may wait, and of bodies be on their way to become such; 64 MB unless said. */
  readonly maxWaitingBytes?: number;
}

/** One request, as the door that it came through understands it. */
export interface Delivered<T extends ReceivedEvents | Refusal, S extends StrictRefusal = never> {
  /** What the header has for a write key, in the order in which it is tried. */
  readonly keys: readonly string[];
  /** What the body has for one; asked where the header has none. */
  readonly keyOf: (body: ReceivedBody) => string | null;
  readonly missingKey: Refusal;
  /** What it came with, where that may be a client library: it counts where no event names one. */
  readonly userAgent?: string | undefined;
  /** The trace that its sender is in, as the header has it. */
  readonly traceparent?: string | undefined;
  /** Reads the body, once a key of the header is known to be good. */
  readonly read: (share: BodyShare) => Promise<ReceivedBody | Refusal>;
  /** Asked again where some of its users turn out to be suppressed. */
  readonly eventsOf: (body: ReceivedBody, source: Sender, receivedAt: Date) => T;
  /** What the sender is told, and nothing of the request is stored; null: nothing is wrong with it. */
  readonly objectTo?: (received: ReceivedEvents) => S | null;
}

/** Takes in what requests bring. */
export interface Intake {
  /** The source that the first of these keys that is one may send to. @throws when Postgres is away */
  sourceOf(...keys: readonly string[]): Promise<KeyedSource | Refusal>;
  /**
   * Takes in one request.
   * @returns what it brought, once everything of it is stored @throws on trouble of our own
   */
  take<T extends ReceivedEvents | Refusal, S extends StrictRefusal = never>(
    request: Delivered<T, S>,
  ): Promise<T | S | Refusal | TooFast>;
  /** Stores what was taken up and refuses the rest. */
  close(): Promise<void>;
}

/**
 * As many as an import appends at once; other processes' appends wait no longer. Groups are that large only under
 * overload, when a turn of the event loop reads from thousands of connections: a commit takes a turn, whatever its size.
 */
const maxGroup: Weight = { events: 5_000, bytes: 8 * 1024 * 1024 };
const usualWaiting: Weight = { events: 20_000, bytes: 64 * 1024 * 1024 };

function waitingOf({ maxWaitingEvents, maxWaitingBytes }: IntakeOptions): Weight {
  return { events: maxWaitingEvents ?? usualWaiting.events, bytes: maxWaitingBytes ?? usualWaiting.bytes };
}

/** Groups of requests share a commit. */
export function openIntake(options: IntakeOptions): Intake {
  const { db, logger } = options;
  const rates = openRateLimit(db);
  const usage = openSourceUsage(db, logger);
  const sourceOf = openSourceOf(db);
  const maxWaiting = waitingOf(options);
  const lookUp = openSuppressedLookUp(db, { maxGroup, maxWaiting }, logger);
  const commits = createGroupCommit<ReceivedEvents>({
    commit: (group) => timed(group, () => commitGroup(options, usage, group)),
    weigh,
    maxGroup,
    maxWaiting,
  });
  watchWaiting(() => commits.waiting());
  const room = openBodyRoom(() => maxWaiting.bytes - commits.waiting().bytes);
  const isFull = () => commits.waiting().events >= maxWaiting.events;
  const reading: Reading = { sourceOf, usage, lookUp, isFull };
  const takeWith = async <T extends ReceivedEvents | Refusal, S extends StrictRefusal = never>(
    request: Delivered<T, S>,
    share: BodyShare,
    traced: TracedRequest | null,
  ): Promise<T | S | Refusal | TooFast> => {
    const receivedAt = new Date();
    const read = await readEvents(reading, request, receivedAt, share);
    if (isRefusal(read)) return read;
    const { source, taken } = read;
    const received: ReceivedEvents | Refusal = taken;
    if (isRefusal(received)) return taken;
    const objection = request.objectTo?.(received) ?? null;
    if (objection !== null) return objection;
    const events = received.events.length + received.rejected.length;
    if (events === 0) return taken;
    const waiting = rates.take(source, events);
    const waitMs = typeof waiting === 'number' ? waiting : await waiting;
    if (waitMs > 0) return { waitMs };
    share.release();
    const how = await committing(traced, () => commits.submit(received));
    if (how !== 'committed') return how === 'full' ? 'overloaded' : 'unavailable';
    const sdks = received.sdks.length > 0 ? received.sdks : sdksOfRequest(request.userAgent);
    countStored(traced, source.sourceId, received);
    const rejected = received.rejected.length;
    usage.count(source.sourceId, receivedAt, { received: events, rejected, sdks });
    return taken;
  };
  const take: Intake['take'] = async (request) => {
    const share = room.open();
    try {
      return await metered(request.traceparent, (traced) => takeWith(request, share, traced));
    } finally {
      share.release();
    }
  };
  const close = async () => {
    await lookUp.close();
    await commits.close();
    await usage.close();
  };
  return { sourceOf, take, close };
}

function sdksOfRequest(userAgent: string | undefined): readonly Sdk[] {
  const sdk = sdkOfUserAgent(userAgent);
  return sdk === null ? [] : [sdk];
}

interface Reading {
  readonly sourceOf: Intake['sourceOf'];
  readonly usage: SourceUsage;
  readonly lookUp: SuppressedLookUp;
  /** So much waits that nothing more is taken up. */
  readonly isFull: () => boolean;
}

/** Reads a request's events. What was parsed for it ends with this call, and does not wait for the commit. */
async function readEvents<T extends ReceivedEvents | Refusal>(
  { sourceOf, usage, lookUp, isFull }: Reading,
  request: Delivered<T, StrictRefusal>,
  receivedAt: Date,
  share: BodyShare,
): Promise<{ readonly source: KeyedSource; readonly taken: T | Refusal } | Refusal> {
  let source = request.keys.length === 0 ? null : await sourceOf(...request.keys);
  if (isRefusal(source)) return source;
  // What would be refused in the end is not read: it costs memory and time that those who wait need.
  if (isFull()) return 'overloaded';
  const body = await request.read(share);
  if (isRefusal(body)) return body;
  if (source === null) {
    const key = request.keyOf(body);
    if (key === null) return request.missingKey;
    source = await sourceOf(key);
    if (isRefusal(source)) return source;
  }
  usage.seen(source.sourceId, receivedAt);
  const eventsOf = (sender: Sender) => request.eventsOf(body, sender, receivedAt);
  if (!source.refusesSuppressed) return { source, taken: eventsOf(source) };
  return { source, taken: await withoutSuppressed(eventsOf, source, lookUp) };
}

/** Looks up who is suppressed of a request's users, and reads it again where somebody is. */
async function withoutSuppressed<T extends ReceivedEvents | Refusal>(
  eventsOf: (sender: Sender) => T,
  source: KeyedSource,
  lookUp: SuppressedLookUp,
): Promise<T | Refusal> {
  const taken = eventsOf(source);
  const received: ReceivedEvents | Refusal = taken;
  if (isRefusal(received)) return taken;
  const users = [...received.events, ...received.rejected.flatMap((rejected) => rejected.users)];
  const isSuppressed = users.length === 0 ? null : await lookUp.of(users);
  if (isSuppressed === null) return taken;
  return isRefusal(isSuppressed) ? isSuppressed : eventsOf({ ...source, isSuppressed });
}

function openSourceOf(db: Database): Intake['sourceOf'] {
  const findSource = rememberingFindSource(db);
  return async (...keys) => {
    for (const key of keys) {
      const source = await findSource(key);
      if (source !== null) return source.blocked ? 'source_blocked' : source;
    }
    return 'write_key_unknown';
  };
}

async function commitGroup(
  options: IntakeOptions,
  usage: SourceUsage,
  group: readonly ReceivedEvents[],
): Promise<void> {
  try {
    const events = group.flatMap((received) => received.events);
    const rejected = group.flatMap((received) => received.rejected);
    const kept = await keepEvents(options.db, events, rejected, options);
    countKept(kept, rejected.length);
    if (kept.rejected === rejected.length) return;
  } catch (error) {
    const requests = group.length;
    options.logger?.error({ err: error, requests }, 'events could not be stored, clients are asked to retry');
    throw error;
  }
  for (const [first] of group.map(({ events }) => events)) {
    if (first !== undefined) usage.doubt(first.sourceId, first.receivedAt);
  }
}

function weigh({ events, rejected }: ReceivedEvents): Weight {
  let bytes = 0;
  for (const { raw, edits } of events) {
    bytes += raw.length;
    for (const [, , , insert] of edits) bytes += insert?.length ?? 0;
  }
  for (const { raw } of rejected) bytes += raw.length;
  return { events: events.length + rejected.length, bytes };
}
