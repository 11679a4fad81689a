import { getReplay } from '../../db/replays.ts';
import type { ApiDeps } from '../deps.ts';
import type { LiveConnections } from '../live/connections.ts';
import { progressRoute } from '../progress.ts';
import type { Route } from '../route.ts';
import { showReplay } from '../schemas/replay.ts';
import { tag } from './replays.ts';

/** Watching a replay. */
export function replayProgressRoutes(deps: ApiDeps, live: LiveConnections): Route[] {
  const read = async (id: string) => {
    const run = await getReplay(deps.db, id);
    return run === null ? null : { shown: showReplay(run, deps.orchestrator), ended: run.endedAt !== null };
  };
  return [
    progressRoute(live, {
      operationId: 'watchReplay',
      path: '/api/replays/{id}/progress',
      tag,
      summary: 'Watch a replay',
      what: 'replay',
      shownBy: 'GET /api/replays/{id}',
      exampleId: '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914',
      read,
    }),
  ];
}
