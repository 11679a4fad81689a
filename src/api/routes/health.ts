import { z } from 'zod';
import { ping } from '../../db/outage.ts';
import type { ApiDeps } from '../deps.ts';
import { route, type Route } from '../route.ts';

const tag = 'Health';
const part = z.enum(['ok', 'away']);
const Readiness = z.object({
  status: z.enum(['ready', 'degraded', 'unavailable']),
  postgres: part,
  temporal: part,
});

/** How long a part may take to answer before it counts as away, in milliseconds. */
const patienceMs = 2_000;

/** Whether the process lives, and whether it can serve. */
export function healthRoutes(deps: ApiDeps): Route[] {
  return [health(), readiness(deps)];
}

function health(): Route {
  return route(
    {
      operationId: 'getHealth',
      method: 'get',
      path: '/healthz',
      tag,
      summary: 'Whether the process lives',
      open: true,
      answers: {
        200: {
          description: 'It does.',
          schema: z.object({ status: z.literal('ok') }),
          example: { status: 'ok' },
        },
      },
    },
    () => Promise.resolve({ status: 200, body: { status: 'ok' } }),
  );
}

function readiness(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getReadiness',
      method: 'get',
      path: '/readyz',
      tag,
      summary: 'Whether the process can serve',
      description:
        'Postgres is needed for everything. Without Temporal events are still taken in and requests still answered, and deliveries go on when it is back: the process stays ready and says `degraded`.',
      open: true,
      answers: {
        200: {
          description: 'It can.',
          schema: Readiness,
          example: { status: 'ready', postgres: 'ok', temporal: 'ok' },
        },
        503: {
          description: 'It cannot: Postgres is away.',
          schema: Readiness,
          example: { status: 'unavailable', postgres: 'away', temporal: 'ok' },
        },
      },
    },
    async () => {
      const [postgres, temporal] = await Promise.all([
        answers(ping(deps.db)),
        answers(deps.orchestrator.check()),
      ]);
      const status = postgres === 'away' ? 'unavailable' : temporal === 'away' ? 'degraded' : 'ready';
      return { status: postgres === 'away' ? 503 : 200, body: { status, postgres, temporal } };
    },
  );
}

async function answers(question: Promise<unknown>): Promise<z.infer<typeof part>> {
  const { promise: tooLate, resolve } = Promise.withResolvers<'away'>();
  const timer = setTimeout(resolve, patienceMs, 'away');
  const answer = question.then(
    () => 'ok' as const,
    () => 'away' as const,
  );
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
