import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  heartbeatMs,
  WatcherHeaders,
  type LiveConnection,
  type LiveConnections,
} from './live/connections.ts';
import type { Problem } from './problem.ts';
import { nothingHere, route, type Answer, type Call, type Route } from './route.ts';
import { IdPath } from './schemas/fields.ts';

/** How often the rows are looked at; milliseconds. */
const lookMs = 1_000;

/** How things stand with what is watched. */
interface State {
  readonly shown: object;
  /** Nothing of it will change any more. */
  readonly ended: boolean;
}

/** One state as an event: the id says which state it is. */
interface Snapshot {
  readonly id: string;
  readonly data: string;
  readonly ended: boolean;
}

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
export function progressRoute(live: LiveConnections, watched: Watched): Route {
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
      problems: ['not_found', 'too_many_live_connections'],
    },
    (call) => answerProgress(live, call, () => watched.read(call.params.id)),
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
  live: LiveConnections,
  { path, headers }: Pick<Call<unknown, unknown, unknown>, 'path' | 'headers'>,
  read: () => Promise<State | null>,
): Promise<Answer | Problem> {
  const state = await read();
  if (state === null) return nothingHere(path);
  const first = snapshotOf(state);
  const known = headers['last-event-id'];
  if (first.ended && first.id === known) return { status: 204 };
  return live.answer({ headers }, (connection) => follow(read, { first, known, connection }));
}

function snapshotOf({ shown, ended }: State): Snapshot {
  const data = JSON.stringify(shown);
  const id = createHash('sha256').update(data).digest('base64url').slice(0, 22);
  return { id, data, ended };
}

async function follow(
  read: () => Promise<State | null>,
  watching: { first: Snapshot; known: unknown; connection: LiveConnection },
): Promise<void> {
  const { until, write } = watching.connection;
  let { known } = watching;
  let silentSince = performance.now();
  for (let state: Snapshot | null = watching.first; state !== null;) {
    if (state.id !== known) {
      // While the client does not read, states are skipped, not queued.
      await write(`id: ${state.id}\nevent: ${state.ended ? 'end' : 'progress'}\ndata: ${state.data}\n\n`);
      known = state.id;
      silentSince = performance.now();
    }
    if (state.ended) return;
    if (performance.now() - silentSince >= heartbeatMs) {
      await write(': still here\n\n');
      silentSince = performance.now();
    }
    await delay(lookMs, undefined, { signal: until });
    const next = await read();
    state = next === null ? null : snapshotOf(next);
  }
}
