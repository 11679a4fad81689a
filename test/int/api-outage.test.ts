import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { openDatabase } from '../../src/db/database.ts';
import { openOrchestrator } from '../../src/temporal/orchestrator.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();
const refusing = 'postgres://reprise:secret-canary@127.0.0.1:1/reprise';

test('without Postgres every route is our own trouble: 503, when to ask again, no stack', async () => {
  const away = openDatabase({ url: refusing, name: 'away' });
  const api = await testApi(away);
  for (const [method, path, body] of [
    ['GET', '/api/sources', undefined],
    ['POST', '/api/sources', { name: 'Shop' }],
    ['GET', '/api/events', undefined],
    ['POST', '/api/replays/6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e/pause', undefined],
    ['GET', '/api/replays/6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e/progress', undefined],
  ] as const) {
    const answer = await api.call(method, path, body);
    expect(answer.body).toMatchObject({ status: 503, code: 'unavailable' });
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(answer.text).not.toMatch(/ECONNREFUSED|node_modules|\.ts|127\.0\.0\.1/);
  }
  expect(api.log()).toContain('ECONNREFUSED');
  expect(api.log()).not.toContain('secret-canary');
  const ready = await api.call('GET', '/readyz');
  expect([ready.status, ready.body]).toEqual([
    503,
    { status: 'unavailable', postgres: 'away', temporal: 'away', schema: 'unknown' },
  ]);
  expect((await api.call('GET', '/healthz')).status).toBe(200);
  await away.close();
});

test('a Postgres that accepts and never answers is away as well', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const api = await testApi(openDatabase({ url: `postgres://a:b@127.0.0.1:${port}/c`, name: 'silent' }));
  const ready = await api.call('GET', '/readyz');
  expect(ready.body.postgres).toBe('away');
  silent.close();
});

test('a fault of ours that is no outage is 500 without its text, and the log has it', async () => {
  const api = await testApi({
    ...db,
    rows: () => Promise.reject(new Error('relation "secret_table" does not exist')),
  });
  const answer = await api.call('GET', '/api/sources', undefined, { 'x-request-id': 'find-me' });
  expect(answer.body).toMatchObject({ status: 500, code: 'internal', requestId: 'find-me' });
  expect(answer.text).not.toContain('secret_table');
  const line = api
    .log()
    .split('\n')
    .find((one) => one.includes('secret_table'));
  expect(line).toContain('find-me');
});

test('without Temporal the API stays ready, and what it starts is answered in bounded time', async () => {
  const unreachable = openOrchestrator(readConfig({ TEMPORAL_ADDRESS: '127.0.0.1:1' }));
  const api = await testApi(db, { orchestrator: unreachable });
  const ready = await api.call('GET', '/readyz');
  expect([ready.status, ready.body]).toEqual([
    200,
    { status: 'degraded', postgres: 'ok', temporal: 'away', schema: 'current' },
  ]);
  const settings = { url: 'https://example.com/events' };
  const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings });
  expect(made.status).toBe(201);
  const replay = await api.call('POST', '/api/replays', { destinationId: made.body.id });
  expect(replay.status).toBe(201);
  expect((await api.call('POST', `/api/replays/${replay.body.id}/cancel`)).body.status).toBe('cancelled');
  expect(api.log()).toContain('temporal did not take it: start replay');
  await unreachable.close();
});
