import type { ConnectionHolders } from './concurrency.ts';
import { maxRetryAfterMs } from './health.ts';
import { learntNow, shrink, type LearntRate } from './learnt-rate.ts';

/** The rate that one destination account can bear; an absent member limits nothing. */
export interface Budget {
  readonly eventsPerSecond?: number;
  readonly requestsPerSecond?: number;
  readonly maxConcurrent?: number;
}

/** A stretch of an account's time in which its holder alone may send. */
export interface Block {
  /** Milliseconds, on the clock of the books. */
  readonly from: number;
  readonly until: number;
  /** What may leave in it, and in how many requests. */
  readonly events: number;
  readonly requests: number;
  /** How long each event, and each request, keeps the next one waiting; milliseconds. */
  readonly eventMs: number;
  readonly requestMs: number;
  /** Most events that one request may carry. */
  readonly batch: number;
}

/** What an account's row keeps. Times are milliseconds of Postgres time. */
export interface AccountBooks {
  /** Where the time begins that nobody has taken. */
  readonly nextAt: number;
  /** Nothing leaves before: the end of the longest Retry-After. */
  readonly blockedUntil: number;
  /** Until then the stream had more to send than it was given. */
  readonly streamUntil: number;
  /** While the stream has more to send: when the replay's part allows it another block. */
  readonly replayAt: number;
  readonly learnt: LearntRate | null;
  readonly holders: ConnectionHolders;
}

export const freshBooks: AccountBooks = {
  nextAt: 0,
  blockedUntil: 0,
  streamUntil: 0,
  replayAt: 0,
  learnt: null,
  holders: {},
};

/** Who asks for a block, and for what. */
export interface Ask {
  readonly kind: 'stream' | 'replay';
  /** How many events could leave now, at least one. */
  readonly events: number;
  /** Most events per request that the destination takes. */
  readonly batchSize: number;
  /** How long an answer takes of late; milliseconds. */
  readonly answersInMs: number;
}

/** What binds the asker: the account (null: it has no limit) and the pace of his run (null: none). */
export interface Bounds {
  readonly account: { readonly budget: Budget; readonly books: AccountBooks } | null;
  readonly pace: { readonly eventsPerSecond: number; readonly nextAt: number } | null;
}

/** A block with the books as they are once it is taken, or in how many milliseconds to ask again. */
export type Grant =
  | {
      readonly kind: 'block';
      readonly block: Block;
      readonly books: AccountBooks | null;
      readonly paceNextAt: number | null;
    }
  | { readonly kind: 'later'; readonly inMs: number };

/** A block is about this long, and always the time of a whole request; milliseconds. */
const blockMs = 100;
/** How far ahead of now a replay's block may begin: so long may the stream have to wait for its turn, and no longer. */
const replayAheadMs = 150;
/** The stream may book further ahead, so that it never loses a race for the next block. */
const streamAheadMs = 400;
/** By so much more may a block lie ahead, if answers of Postgres take that long, lest time is lost meanwhile. */
const slowestAnswerMs = 300;
/** Answers that take no longer are no reason for longer blocks. */
const quickAnswerMs = 20;
/** The part of an account that is held back for its stream while that has something to send. */
const streamPart = 0.8;
/** How long after its last block a stream that wanted more is believed to want more still; milliseconds. */
const streamHoldMs = 100;

/**
 * Takes the next block of an account's time for one who wants to send, by the generic cell rate algorithm (GCRA, ITU-T
 * I.371): blocks follow each other, time that nobody took is lost, and a time further ahead than anybody may book is an
 * error of some clock, or left from a slower rate, and is reset.
 *
 * The stream comes first: it books further ahead than a replay may, and while it has more to send than it is given, a
 * replay gets a fifth of the time.
 * @param now on the clock of the books, like all times that go in and out
 */
export function takeBlock(ask: Ask, bounds: Bounds, now: number): Grant {
  const size = sizeOf(ask, bounds, now);
  const { account, pace } = bounds;
  const slowMs = Math.min(ask.answersInMs, slowestAnswerMs);
  const aheadMs = (ask.kind === 'stream' ? streamAheadMs : replayAheadMs) + slowMs;
  const tooFar = now + streamAheadMs + slowestAnswerMs + 2 * Math.max(blockMs, size.longestMs);
  // Not before the answer is there: a short block would be over before anybody knew of it.
  const soonest = now + slowMs;
  const within = (at: number) => (at > tooFar ? soonest : Math.max(at, soonest));
  const paceAt = pace === null ? soonest : within(pace.nextAt);
  const paceNextAt = pace === null ? null : paceAt;
  const advance = (from: number) => (paceNextAt === null ? null : from + size.paceMs);
  if (account === null) return grant(paceAt, size, null, advance, now + aheadMs);

  const { books } = account;
  const closedMs = closedForMs(books, now);
  if (closedMs > 0) return { kind: 'later', inMs: closedMs };
  const from = Math.max(within(books.nextAt), paceAt);
  const next = { ...books, nextAt: from + size.lengthMs };
  if (ask.kind === 'stream') {
    const streamUntil = ask.events > size.events ? next.nextAt + streamHoldMs : books.streamUntil;
    return grant(from, size, { ...next, streamUntil }, advance, now + aheadMs);
  }
  if (now >= Math.min(books.streamUntil, tooFar)) return grant(from, size, next, advance, now + aheadMs);
  const partMs = size.lengthMs / (1 - streamPart);
  const replayAt = books.replayAt > tooFar + partMs ? now : Math.max(books.replayAt, now);
  if (replayAt > now + aheadMs) return { kind: 'later', inMs: replayAt - now - aheadMs };
  const latest = Math.max(paceAt, now + streamAheadMs + slowMs);
  return grant(from, size, { ...next, replayAt: replayAt + partMs }, advance, latest);
}

function grant(
  from: number,
  size: BlockSize,
  books: AccountBooks | null,
  advance: (from: number) => number | null,
  latest: number,
): Grant {
  if (from > latest) return { kind: 'later', inMs: from - latest };
  const { events, requests, eventMs, requestMs, batch } = size;
  const block = { from, until: from + size.lengthMs, events, requests, eventMs, requestMs, batch };
  return { kind: 'block', block, books, paceNextAt: advance(from) };
}

/** Sends are late now and then: so much longer are all times than the rate says, lest a second see one too many. */
const stretched = 1 / 0.99;

/** What one block holds. `lengthMs` is of the account's time, `paceMs` of the run's own. */
interface BlockSize {
  readonly events: number;
  readonly requests: number;
  readonly eventMs: number;
  readonly requestMs: number;
  readonly batch: number;
  readonly lengthMs: number;
  readonly paceMs: number;
  /** The time of one full request. */
  readonly longestMs: number;
}

function sizeOf(
  { events: wanted, batchSize, answersInMs }: Ask,
  { account, pace }: Bounds,
  now: number,
): BlockSize {
  const paceMs = intervalMs(pace?.eventsPerSecond);
  const eventMs = account === null ? paceMs : intervalMs(account.budget.eventsPerSecond);
  const requestMs = account === null ? 0 : requestIntervalMs(account, now);
  const slowestMs = Math.max(eventMs, paceMs);
  const batch = Math.min(batchSize, atLeastOne(blockMs / slowestMs));
  const longestMs = Math.max(batch * eventMs, requestMs);
  // One who hears late would miss much of a short block.
  const lastsMs = blockMs + Math.max(0, Math.min(answersInMs, slowestAnswerMs) - quickAnswerMs);
  const fitting = Math.min(batch * atLeastOne(lastsMs / longestMs), atLeastOne(lastsMs / slowestMs));
  const events = Math.min(wanted, fitting);
  const requests = requestMs === 0 ? Number.POSITIVE_INFINITY : Math.ceil(events / batch);
  const lengthMs = Math.max(events * eventMs, requestMs === 0 ? 0 : requests * requestMs);
  return {
    events,
    requests,
    batch,
    eventMs: eventMs * stretched,
    requestMs: requestMs * stretched,
    lengthMs: lengthMs * stretched,
    paceMs: events * paceMs * stretched,
    longestMs: longestMs * stretched,
  };
}

function requestIntervalMs({ budget, books }: NonNullable<Bounds['account']>, now: number): number {
  const learnt = books.learnt === null ? null : learntNow(books.learnt, now);
  return Math.max(intervalMs(budget.requestsPerSecond), intervalMs(learnt ?? undefined));
}

const intervalMs = (perSecond: number | undefined) => (perSecond === undefined ? 0 : 1_000 / perSecond);

/** Whole ones that fit; a quotient that misses the next whole number by an error of rounding reaches it. */
const atLeastOne = (quotient: number) => Math.max(1, Math.floor(quotient + 1e-9));

/** Whether an account has a rate to keep: one that was set, or one that it has taught by a 429. */
export function keepsRate(budget: Budget, learnt: LearntRate | null, now: number): boolean {
  if (budget.eventsPerSecond !== undefined || budget.requestsPerSecond !== undefined) return true;
  return learnt !== null && learntNow(learnt, now) !== null;
}

/** For how long yet nothing may leave. A time further ahead than any Retry-After reaches is an error of some clock. */
export function closedForMs({ blockedUntil }: Pick<AccountBooks, 'blockedUntil'>, now: number): number {
  const left = blockedUntil - now;
  return left > longestClosedMs ? 0 : Math.max(0, left);
}

/** Longer than any Retry-After that is obeyed, with some room for clocks. */
export const longestClosedMs = maxRetryAfterMs + 60_000;

/** How long an account is left alone that says "slow down" and not for how long; milliseconds. */
const pauseMs = 500;

/** For how long an answer 429 closes an account. @param retryAfterMs null: it does not say */
export function closedByMs(retryAfterMs: number | null): number {
  return retryAfterMs === null ? pauseMs : Math.min(maxRetryAfterMs, Math.max(0, retryAfterMs));
}

/**
 * The account has answered 429, or 503 with Retry-After: nothing leaves until that is over, and then less than before.
 * Answers to what was in flight when it closed say nothing new, but the longest Retry-After counts.
 * @param heard.forMs what is left of the time that the answer closed it for
 * @param heard.acceptedPerSecond requests that the account has taken lately
 */
export function closeAccount(
  books: AccountBooks,
  budget: Budget,
  heard: { forMs: number; acceptedPerSecond: number },
  now: number,
): AccountBooks {
  const blockedUntil = now + Math.max(closedForMs(books, now), heard.forMs);
  const set = Math.min(budget.requestsPerSecond ?? Infinity, budget.eventsPerSecond ?? Infinity);
  const learnt = shrink(books.learnt, Math.min(set, heard.acceptedPerSecond), {
    now,
    growsFrom: blockedUntil,
  });
  return { ...books, blockedUntil, learnt };
}
