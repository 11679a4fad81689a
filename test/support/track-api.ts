import type { Database } from '../../src/db/database.ts';
import { newKey, send, type Answer } from './tracking.ts';

/** Basic authentication as Customer.io's clients send it. */
export const credentials = (siteId: string, apiKey: string) =>
  `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`;

/** Asks the Track API. @param call method and path */
export type Ask = (
  call: string,
  body?: string | Uint8Array,
  headers?: Record<string, string>,
) => Promise<Answer>;

/** A source of this test's own, and a client that has its key. */
export async function trackClient(
  db: Database,
  url: string,
): Promise<{ sourceId: string; writeKey: string; ask: Ask }> {
  const key = await newKey(db);
  const authorization = credentials('site', key.writeKey);
  const ask: Ask = (call, body = '', headers = {}) => {
    const [method, path] = call.split(' ') as [string, string];
    const length = { 'content-length': String(Buffer.byteLength(body)) }; // which Node leaves out of a DELETE
    return send(url + path, { method, headers: { authorization, ...length, ...headers }, body });
  };
  return { ...key, ask };
}
