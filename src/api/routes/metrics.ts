import { contentType, exposition } from '../../metrics/registry.ts';
import { route, type Route } from '../route.ts';

/** What this process counts, for Prometheus. */
export function metricsRoutes(): Route[] {
  return [
    route(
      {
        operationId: 'getMetrics',
        method: 'get',
        path: '/metrics',
        tag: 'Health',
        summary: 'What this process counts',
        description:
          'In the text format of Prometheus. Workers, and this process, tell theirs without a token on a port of its own where `REPRISE_METRICS_PORT` says so.',
        answers: { 200: { description: 'All metrics of this API process.', mediaType: 'text/plain' } },
      },
      async () => ({ status: 200, text: await exposition(), headers: { 'content-type': contentType } }),
    ),
  ];
}
