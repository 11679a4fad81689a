import { z } from 'zod';
import { runningProcesses } from '../../db/processes.ts';
import type { ApiDeps } from '../deps.ts';
import { route, type Route } from '../route.ts';
import { Id, Time } from '../schemas/fields.ts';

const Process = z
  .object({
    id: Id,
    role: z.enum(['api', 'delivery', 'orchestration']),
    host: z.string(),
    pid: z.int(),
    version: z.string(),
    keyIds: z.array(z.string()).meta({
      description: 'The secret keys that it opens with, by their ids, the one that it seals with first.',
    }),
    startedAt: Time,
    seenAt: Time,
  })
  .meta({ id: 'Process' });

const example: z.input<typeof Process> = {
  id: '4f0d6c0a-3f4e-4a57-8f77-0d1b6f1f7a11',
  role: 'delivery',
  host: 'worker-1',
  pid: 17,
  version: '0.1.0',
  keyIds: ['Zk3vQ0aB'],
  startedAt: '2026-11-22T09:00:00.000Z',
  seenAt: '2026-11-22T09:30:00.000Z',
};

/** What runs. */
export function processRoutes({ db }: ApiDeps): Route[] {
  return [
    route(
      {
        operationId: 'listProcesses',
        method: 'get',
        path: '/api/processes',
        tag: 'Processes',
        summary: 'List the processes that run',
        description:
          'Every process tells of itself every five seconds; one that stopped without a word is listed for 15 seconds more.',
        answers: {
          200: {
            description: 'The processes, the oldest first.',
            schema: z.object({ data: z.array(Process) }),
            example: { data: [example] },
          },
        },
      },
      async () => {
        const data = (await runningProcesses(db)).map(({ startedAt, seenAt, ...one }) => ({
          ...one,
          keyIds: [...one.keyIds],
          startedAt: startedAt.toISOString(),
          seenAt: seenAt.toISOString(),
        }));
        return { status: 200, body: { data } };
      },
    ),
  ];
}
