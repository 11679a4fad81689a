import { getReplay } from '../../db/replays.ts';
import type { ApiDeps } from '../deps.ts';
import { answerProgress, progressDescription, WatcherHeaders } from '../progress.ts';
import { route, type Route } from '../route.ts';
import { IdPath } from '../schemas/fields.ts';
import { showReplay } from '../schemas/replay.ts';
import { tag } from './replays.ts';

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
        description: progressDescription('replay', 'GET /api/replays/{id}'),
        params: IdPath,
        headers: WatcherHeaders,
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
      (call) =>
        answerProgress(deps, call, async () => {
          const run = await getReplay(deps.db, call.params.id);
          return run === null
            ? null
            : { shown: showReplay(run, deps.orchestrator), ended: run.endedAt !== null };
        }),
    ),
  ];
}
