import { z } from 'zod';
import { version } from '../../version.ts';
import type { ApiDeps } from '../deps.ts';
import { route, type Route } from '../route.ts';
import { Region } from '../schemas/region.ts';

const Deployment = z
  .object({
    version: z.string().meta({ description: 'Of the process that answers.' }),
    region: Region.nullable().meta({
      description: 'Where this deployment keeps its data (`REPRISE_REGION`). null: not stated.',
    }),
  })
  .meta({ id: 'Deployment' });

/** What this deployment says of itself. */
export function deploymentRoutes({ region }: Pick<ApiDeps, 'region'>): Route[] {
  return [
    route(
      {
        operationId: 'getDeployment',
        method: 'get',
        path: '/api/deployment',
        tag: 'Deployment',
        summary: 'What this deployment says of itself',
        answers: {
          200: {
            description: 'Its version, and where it keeps its data.',
            schema: Deployment,
            example: { version: '0.1.0', region: 'eu' },
          },
        },
      },
      () => Promise.resolve({ status: 200, body: { version, region } }),
    ),
  ];
}
