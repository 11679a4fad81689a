import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { ApiDeps } from './deps.ts';
import type { Problem } from './problem.ts';
import { nothingHere, route, type Answer, type Call, type Route } from './route.ts';
import { IdPath } from './schemas/fields.ts';

/** How often the rows are looked at, and how long a silence may last; milliseconds. */
const lookMs = 1_000;
const heartbeatMs = 15_000;

/** How things stand with what is watched. */
interface State {
  readonly shown: object;
  /** Nothing of it will change any more. */
  readonly ended: boolean;
}

/** The headers that a watcher may send. */
const WatcherHeaders = z.object({
  'Last-Event-ID': z
    .exactOptional(z.string())
    .meta({ description: 'The id of the last event that was seen.' }),
});

/** One state as an event: the id says which state it is. */
interface Snapshot {
  readonly id: string;
  readonly data: string;
  readonly ended: boolean;
}

type Watcher = Pick<ApiDeps, 'log' | 'stopping'>;

/** What can be watched. */
interface Watched {
  readonly operationId: string;
  readonly path: `/${string}`;
  readonly tag: string;
  readonly summary: string;
  /** What it is called: `replay`. */
  readonly what: string;
  /** The operation whose answer shows it as the events do. */
  readonly shownBy: string;
  /** What else the reference says of it. */
  readonly note?: string;
  /** The id in the example. */
  readonly exampleId: string;
  /** Its state now, null when it is not there. */
  readonly read: (id: string) => Promise<State | null>;
}

/** The route on which something is watched until it has ended. */
export function progressRoute(deps: Watcher, watched: Watched): Route {
  const { operationId, path, tag, summary, what } = watched;
  return route(
    {
      operationId,
      method: 'get',
      path,
      tag,
      summary,
      description: descriptionOf(watched),
      params: IdPath,
      headers: WatcherHeaders,
      answers: {
        200: {
          description: 'The events.',
          mediaType: 'text/event-stream',
          example: `id: 6f0a1c\nevent: progress\ndata: {"id":"${watched.exampleId}","status":"running"}\n\n`,
        },
        204: { description: `The ${what} has ended, and the caller knows its last state.` },
      },
      problems: ['not_found'],
    },
    (call) => answerProgress(deps, call, () => watched.read(call.params.id)),
  );
}

function descriptionOf({ what, shownBy: get, note }: Watched): string {
  const events = `Server-sent events. \`progress\`: the ${what}, as \`${get}\` answers it, whenever it has changed. \`end\`: the ${what} as it ended; the answer closes after it. A comment line every 15 seconds keeps the connection open.

Every event has an id. A client that comes back with \`Last-Event-ID\` gets the next state that differs from that one; when the one it has is the last, the answer is 204, which ends an EventSource.`;
  return note === undefined ? events : `${events} ${note}`;
}

/**
 * Answers with the states of something as server-sent events, until it has ended, the client leaves or the process ends.
 * @param read its state now, null when it is not there
 */
async function answerProgress(
  deps: Watcher,
  { path, headers }: Pick<Call<unknown, unknown, unknown>, 'path' | 'headers'>,
  read: () => Promise<State | null>,
): Promise<Answer | Problem> {
  const state = await read();
  if (state === null) return nothingHere(path);
  const first = snapshotOf(state);
  const known = headers['last-event-id'];
  if (first.ended && first.id === known) return { status: 204 };
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
    stream: (response) => void watch(deps, read, { first, known, response }),
  };
}

function snapshotOf({ shown, ended }: State): Snapshot {
  const data = JSON.stringify(shown);
  const id = createHash('sha256').update(data).digest('base64url').slice(0, 22);
  return { id, data, ended };
}

async function watch(
  deps: Watcher,
  read: () => Promise<State | null>,
  { first, known, response }: { first: Snapshot; known: unknown; response: ServerResponse },
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const until = AbortSignal.any([gone.signal, deps.stopping]);
  try {
    await follow(read, { first, known, response, until });
  } catch (error) {
    // The client comes back by itself, with the id of the last state that it saw.
    if (!until.aborted) deps.log.warn({ err: error }, 'progress broke off');
  } finally {
    response.end();
  }
}

async function follow(
  read: () => Promise<State | null>,
  watching: { first: Snapshot; known: unknown; response: ServerResponse; until: AbortSignal },
): Promise<void> {
  const { response, until } = watching;
  let { known } = watching;
  let silentSince = performance.now();
  response.write('retry: 2000\n\n');
  for (let state: Snapshot | null = watching.first; state !== null;) {
    if (state.id !== known) {
      await write(
        response,
        `id: ${state.id}\nevent: ${state.ended ? 'end' : 'progress'}\ndata: ${state.data}\n\n`,
      );
      known = state.id;
      silentSince = performance.now();
    }
    if (state.ended) return;
    if (performance.now() - silentSince >= heartbeatMs) {
      await write(response, ': still here\n\n');
      silentSince = performance.now();
    }
    await delay(lookMs, undefined, { signal: until });
    const next = await read();
    state = next === null ? null : snapshotOf(next);
  }
}

/** Writes, and waits while the client does not read: its states are skipped, not queued. */
async function write(response: ServerResponse, text: string): Promise<void> {
  if (response.write(text) || response.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('drain', resolve).once('close', resolve);
  await promise;
  response.off('drain', resolve).off('close', resolve);
}
