import type { IncomingMessage, ServerResponse } from 'node:http';
import { httpRequestSeconds } from '../metrics/http.ts';

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Measures a request until its answer has left. @param routeOf asked then; one of a few, never an address as it was sent
 */
export function meterRequest(
  api: 'tracking' | 'admin',
  { method = '' }: IncomingMessage,
  response: ServerResponse,
  routeOf: () => string,
): void {
  const begun = performance.now();
  response.once('close', () => {
    const code = response.writableFinished ? String(response.statusCode) : 'aborted';
    const known = methods.has(method) ? method : 'other';
    httpRequestSeconds.observe((performance.now() - begun) / 1_000, api, routeOf(), known, code);
  });
}
