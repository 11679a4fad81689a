import { z } from 'zod';
import { ping } from '../../db/outage.ts';
import { schemaStateOf } from '../../db/schema-state.ts';
import type { ApiDeps } from '../deps.ts';
import { route, type Route } from '../route.ts';

const tag = 'Health';
const part = z.enum(['ok', 'away']);
const schemas = ['current', 'behind', 'ahead', 'unknown'] as const;
const Readiness = z.object({
  status: z.enum(['ready', 'degraded', 'unavailable']),
  postgres: part,
  temporal: part,
  schema: z.enum(schemas).meta({
    description:
      'How the database stands against the migrations of this process. `ahead`: a newer version has migrated it, as in an upgrade. `behind`: `reprise migrate` is due.',
  }),
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
          example: { status: 'ready', postgres: 'ok', temporal: 'ok', schema: 'current' },
        },
        503: {
          description: 'It cannot: Postgres is away.',
          schema: Readiness,
          example: { status: 'unavailable', postgres: 'away', temporal: 'ok', schema: 'unknown' },
        },
      },
    },
    async () => {
      const [postgres, temporal, schema] = await Promise.all([
        answers(ping(deps.db)),
        answers(deps.orchestrator.check()),
        schemaOf(deps),
      ]);
      const status = postgres === 'away' ? 'unavailable' : temporal === 'away' ? 'degraded' : 'ready';
      return { status: postgres === 'away' ? 503 : 200, body: { status, postgres, temporal, schema } };
    },
  );
}

async function schemaOf({ db }: ApiDeps): Promise<(typeof schemas)[number]> {
  const look = async () => {
    const { missing, unknown } = await schemaStateOf(db);
    return missing.length > 0 ? 'behind' : unknown.length > 0 ? 'ahead' : 'current';
  };
  return await within(
    look().catch(() => 'unknown' as const),
    'unknown',
  );
}

async function answers(question: Promise<unknown>): Promise<z.infer<typeof part>> {
  return await within(
    question.then(
      () => 'ok' as const,
      () => 'away' as const,
    ),
    'away',
  );
}

/** An answer that comes in time, else another one. */
async function within<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  const { promise: tooLate, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(resolve, patienceMs, otherwise);
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
