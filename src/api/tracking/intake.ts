import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { keepEvents } from '../../db/archive/keep.ts';
import type { Database } from '../../db/database.ts';
import type { KeyedSource } from '../../db/write-keys.ts';
import type { Call } from './doors.ts';
import { createGroupCommit, type Weight } from './group-commit.ts';
import { openRateLimit } from './rate-limit.ts';
import { eventsOf, keyOfBody, readJson, type ReceivedEvents } from './received.ts';
import { eventErrors, isRefusal, type Refusal, type StrictRefusal, type TooFast } from './refusal.ts';
import { keyOfHeader, rememberingFindSource } from './write-key.ts';

export interface IntakeOptions {
  readonly db: Database;
  readonly logger?: Pick<Logger, 'error'>;
  /** How long a source's messageIds are remembered; a Postgres interval. */
  readonly dedupeWindow?: string;
  /** How many events may wait to be stored before requests are refused with 503. */
  readonly maxWaitingEvents?: number;
}

/** Takes in what requests bring. */
export interface Intake {
  /** The source that a write key may send to. @throws when Postgres is away */
  sourceOf(key: string): Promise<KeyedSource | Refusal>;
  /**
   * Takes the body of one request.
   * @param read reads it, once the key in the header is known to be good
   * @returns null when everything is stored @throws on trouble of our own
   */
  take(
    request: IncomingMessage,
    call: Call,
    read: () => Promise<Uint8Array | Refusal>,
  ): Promise<Refusal | StrictRefusal | TooFast | null>;
  /** Stores what was taken up and refuses the rest. */
  close(): Promise<void>;
}

/** Large groups bring little more speed and keep other processes' appends waiting. */
const maxGroup: Weight = { events: 1_000, bytes: 8 * 1024 * 1024 };
const maxWaitingBytes = 64 * 1024 * 1024;

/** Groups of requests share a commit. */
export function openIntake(options: IntakeOptions): Intake {
  const { db, logger } = options;
  const findSource = rememberingFindSource(db);
  const rates = openRateLimit(db);
  const sourceOf: Intake['sourceOf'] = async (key) => {
    const source = await findSource(key);
    if (source === null) return 'write_key_unknown';
    return source.blocked ? 'source_blocked' : source;
  };
  const keepOptions = options.dedupeWindow === undefined ? {} : { dedupeWindow: options.dedupeWindow };
  const commits = createGroupCommit<ReceivedEvents>({
    commit: async (group) => {
      try {
        const events = group.flatMap((received) => received.events);
        const rejected = group.flatMap((received) => received.rejected);
        await keepEvents(db, events, rejected, keepOptions);
      } catch (error) {
        const requests = group.length;
        logger?.error({ err: error, requests }, 'events could not be stored, clients are asked to retry');
        throw error;
      }
    },
    weigh,
    maxGroup,
    maxWaiting: { events: options.maxWaitingEvents ?? 20_000, bytes: maxWaitingBytes },
  });
  const take: Intake['take'] = async (request, call, read) => {
    const receivedAt = new Date();
    const headerKey = keyOfHeader(request.headers.authorization);
    let source = headerKey === null ? null : await sourceOf(headerKey);
    if (isRefusal(source)) return source;
    const bytes = await read();
    if (isRefusal(bytes)) return bytes;
    const body = readJson(bytes, call);
    if (isRefusal(body)) return body;
    if (source === null) {
      const key = keyOfBody(body);
      if (key === null) return 'write_key_missing';
      source = await sourceOf(key);
      if (isRefusal(source)) return source;
    }
    const received = eventsOf(call, body, source, receivedAt);
    if (isRefusal(received)) return received;
    if (received.rejected.length > 0 && isStrict(request)) return { errors: eventErrors(received) };
    const events = received.events.length + received.rejected.length;
    if (events === 0) return null;
    const waitMs = await rates.take(source, events);
    if (waitMs > 0) return { waitMs };
    const how = await commits.submit(received);
    return how === 'committed' ? null : how === 'full' ? 'overloaded' : 'unavailable';
  };
  return { sourceOf, take, close: () => commits.close() };
}

/**
 * Whether a client wants to be told of events that cannot be accepted, instead of finding them among the rejected ones.
 * Source: docs.customer.io, integrations/api/cdp, strict mode.
 */
function isStrict(request: IncomingMessage): boolean {
  return /^(1|true)$/i.test(String(request.headers['x-strict-mode'] ?? ''));
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
