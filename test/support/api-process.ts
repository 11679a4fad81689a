import { randomBytes } from 'node:crypto';
import { adminToken, answered, type Answered } from './api.ts';
import { startProcess, type StartedProcess } from './processes.ts';

/** An API process of its own, and calls to it as the admin. */
export interface ApiProcess extends StartedProcess {
  readonly url: string;
  call(method: string, path: string, body?: unknown): Promise<Answered>;
}

/** Of all processes that a test starts: another one would not open what the first has sealed. */
const secretKey = randomBytes(32).toString('base64');

/** Starts the API process, and waits until it serves; its Temporal is away. */
export async function startApi(
  databaseUrl: string,
  settings: Record<string, string> = {},
): Promise<ApiProcess> {
  const started = startProcess(new URL('../../src/api/main.ts', import.meta.url), {
    PORT: '0',
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    REPRISE_ADMIN_TOKEN: adminToken,
    REPRISE_SECRET_KEY: secretKey,
    ...settings,
  });
  const url = `http://127.0.0.1:${(await started.ready).port}`;
  const call = async (method: string, path: string, body?: unknown): Promise<Answered> => {
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return await answered(await fetch(url + path, { method, headers, ...sent }));
  };
  return { ...started, url, call };
}
