import { HotHistogram } from './hot.ts';
import { secondsBuckets } from './registry.ts';

/** From a request's headers until its answer has left. */
export const httpRequestSeconds = new HotHistogram({
  name: 'reprise_http_request_duration_seconds',
  help: 'How long requests took, by API (tracking, admin), route, method and status code; aborted: the client was gone before the answer.',
  labelNames: ['api', 'route', 'method', 'code'],
  buckets: secondsBuckets,
});
