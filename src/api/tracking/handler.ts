import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { keepEvents } from '../../db/archive/keep.ts';
import type { Database } from '../../db/database.ts';
import { answerPreflight, answerRefusal, answerSuccess } from './answer.ts';
import { callOf, type Call } from './calls.ts';
import { createGroupCommit, type GroupCommit, type Weight } from './group-commit.ts';
import { eventsOf, keyOfBody, readJson, type ReceivedEvents } from './received.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { readBody } from './request-body.ts';
import { keyOfHeader, rememberingFindSource, type FindSource } from './write-key.ts';

export interface TrackingOptions {
  readonly db: Database;
  readonly logger?: Pick<Logger, 'error'>;
  /** How long a source's messageIds are remembered; a Postgres interval. */
  readonly dedupeWindow?: string;
  /** How many events may wait to be stored before requests are refused with 503. */
  readonly maxWaitingEvents?: number;
}

export interface TrackingHandler {
  /** Answers the request if its address belongs to the tracking API; false: it is somebody else's. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** Stores what was taken up and refuses the rest with 503. */
  close(): Promise<void>;
}

/** Large groups bring little more speed and keep other processes' appends waiting. */
const maxGroup: Weight = { events: 1_000, bytes: 8 * 1024 * 1024 };
const maxWaitingBytes = 64 * 1024 * 1024;

/**
 * The tracking API: takes the calls of Segment-compatible clients and answers 200 once they are stored for good. It
 * stands in front of the application because it is the hot path: no framework, one parse, groups of requests share a
 * commit.
 */
export function createTrackingHandler(options: TrackingOptions): TrackingHandler {
  const { db, logger } = options;
  const findSource = rememberingFindSource(db);
  const keepOptions = options.dedupeWindow === undefined ? {} : { dedupeWindow: options.dedupeWindow };
  const commits = createGroupCommit<ReceivedEvents>({
    commit: async (group) => {
      try {
        const events = group.flatMap((received) => received.events);
        await keepEvents(
          db,
          events,
          group.flatMap((received) => received.rejected),
          keepOptions,
        );
      } catch (error) {
        logger?.error(
          { err: error, requests: group.length },
          'events could not be stored, clients are asked to retry',
        );
        throw error;
      }
    },
    weigh,
    maxGroup,
    maxWaiting: { events: options.maxWaitingEvents ?? 20_000, bytes: maxWaitingBytes },
  });
  return {
    handle: (request, response) => {
      const call = callOf(request.url);
      if (call === null) return false;
      if (request.method === 'OPTIONS') answerPreflight(request, response);
      else if (request.method === 'POST')
        void answer(request, response, call, { findSource, commits, logger });
      else answerRefusal(request, response, 'method_not_allowed');
      return true;
    },
    close: () => commits.close(),
  };
}

interface Intake {
  readonly findSource: FindSource;
  readonly commits: GroupCommit<ReceivedEvents>;
  readonly logger: Pick<Logger, 'error'> | undefined;
}

async function answer(request: IncomingMessage, response: ServerResponse, call: Call, intake: Intake) {
  try {
    const refusal = await take(request, call, intake);
    if (refusal === null) answerSuccess(request, response);
    else answerRefusal(request, response, refusal);
  } catch (error) {
    if (request.destroyed && !request.complete) return; // the client has gone
    intake.logger?.error({ err: error }, 'a request to the tracking API failed');
    answerRefusal(request, response, 'unavailable');
  }
}

/** Null when everything is stored. @throws on trouble of our own */
async function take(request: IncomingMessage, call: Call, intake: Intake): Promise<Refusal | null> {
  const receivedAt = new Date();
  const headerKey = keyOfHeader(request.headers.authorization);
  let source = headerKey === null ? null : await intake.findSource(headerKey);
  if (headerKey !== null && source === null) return 'write_key_unknown';
  const bytes = await readBody(request);
  if (isRefusal(bytes)) return bytes;
  const body = readJson(bytes, call);
  if (isRefusal(body)) return body;
  if (source === null) {
    const key = keyOfBody(body);
    if (key === null) return 'write_key_missing';
    source = await intake.findSource(key);
    if (source === null) return 'write_key_unknown';
  }
  const received = eventsOf(call, body, source, receivedAt);
  if (isRefusal(received)) return received;
  if (received.events.length + received.rejected.length === 0) return null;
  const how = await intake.commits.submit(received);
  return how === 'committed' ? null : how === 'full' ? 'overloaded' : 'unavailable';
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
