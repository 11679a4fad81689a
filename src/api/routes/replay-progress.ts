import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { getReplay } from '../../db/replays.ts';
import type { RunRecord } from '../../db/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { nothingHere, route, type Route } from '../route.ts';
import { IdPath } from '../schemas/fields.ts';
import { showReplay } from '../schemas/replay.ts';
import { tag } from './replays.ts';

/** How often the rows are looked at, and how long a silence may last; milliseconds. */
const lookMs = 1_000;
const heartbeatMs = 15_000;

const description = `Server-sent events. \`progress\`: the replay, as \`GET /api/replays/{id}\` answers it, whenever it has changed. \`end\`: the replay as it ended; the answer closes after it. A comment line every 15 seconds keeps the connection open.

Every event has an id. A client that comes back with \`Last-Event-ID\` gets the next state that differs from that one; when the one it has is the last, the answer is 204, which ends an EventSource.`;

/** One state of a replay as an event: the id says which state it is. */
interface Snapshot {
  readonly id: string;
  readonly data: string;
  readonly ended: boolean;
}

/** Watching a replay. */
export function replayProgressRoutes(deps: ApiDeps): Route[] {
  return [
    route(
      {
        operationId: 'watchReplay',
        method: 'get',
        path: '/api/replays/{id}/progress',
        tag,
        summary: 'Watch a replay',
        description,
        params: IdPath,
        headers: z.object({
          'Last-Event-ID': z
            .exactOptional(z.string())
            .meta({ description: 'The id of the last event that was seen.' }),
        }),
        answers: {
          200: {
            description: 'The events.',
            mediaType: 'text/event-stream',
            example:
              'id: 6f0a1c\nevent: progress\ndata: {"id":"2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914","status":"running"}\n\n',
          },
          204: { description: 'The replay has ended, and the caller knows its last state.' },
        },
        problems: ['not_found'],
      },
      async ({ params, path, headers }) => {
        const run = await getReplay(deps.db, params.id);
        if (run === null) return nothingHere(path);
        const first = snapshotOf(run, deps);
        const known = headers['last-event-id'];
        if (first.ended && first.id === known) return { status: 204 };
        return {
          status: 200,
          headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
          stream: (response) => void watch(deps, params.id, { first, known, response }),
        };
      },
    ),
  ];
}

function snapshotOf(run: RunRecord, deps: ApiDeps): Snapshot {
  const data = JSON.stringify(showReplay(run, deps.orchestrator));
  const id = createHash('sha256').update(data).digest('base64url').slice(0, 22);
  return { id, data, ended: run.endedAt !== null };
}

async function watch(
  deps: ApiDeps,
  replayId: string,
  { first, known, response }: { first: Snapshot; known: unknown; response: ServerResponse },
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const until = AbortSignal.any([gone.signal, deps.stopping]);
  try {
    await follow(deps, { replayId, first, known, response, until });
  } catch (error) {
    // The client comes back by itself, with the id of the last state that it saw.
    if (!until.aborted) deps.log.warn({ err: error }, 'progress broke off');
  } finally {
    response.end();
  }
}

async function follow(
  deps: ApiDeps,
  watching: {
    replayId: string;
    first: Snapshot;
    known: unknown;
    response: ServerResponse;
    until: AbortSignal;
  },
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
    const run = await getReplay(deps.db, watching.replayId);
    state = run === null ? null : snapshotOf(run, deps);
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
