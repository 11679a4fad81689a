import { afterAll, describe, expect, test } from 'vitest';
import { openEngineMetrics } from '../../src/api/engine-metrics.ts';
import { openMetrics } from '../../src/metrics/open.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { readExposition, valueOf, type Family } from '../support/exposition.ts';
import { basic, newKey, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const api = await testApi(db);
const tracking = await trackingServer({ db });
afterAll(openEngineMetrics(api.deps));
const open = () =>
  openMetrics({ role: 'api', version: '1.2.3', pools: { api: db.pool }, host: '127.0.0.1', port: 0 });
const inside = (await open())!;
afterAll(() => inside.close());

const took = 'reprise_http_request_duration_seconds_count';
const rejected = 'reprise_events_rejected_total';

async function scrape(): Promise<Map<string, Family>> {
  const answer = await fetch(`http://127.0.0.1:${inside.port}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return readExposition(await answer.text());
}

/** Does something. @returns by how much a value has risen by it, by the name of its metric and its labels */
async function risesBy(work: () => Promise<unknown>) {
  const before = await scrape();
  await work();
  const after = await scrape();
  return (name: string, labels: Record<string, string> = {}) =>
    valueOf(after, name, labels) - valueOf(before, name, labels);
}

describe('what an API process counts', () => {
  test('events received, accepted and rejected by source and reason, and nothing of who sent them', async () => {
    const { sourceId: source, writeKey } = await newKey(db);
    const post = async (path: string, body: unknown, key = writeKey) => {
      const headers = { authorization: basic(key) };
      return (await send(`${tracking.url}/v1/${path}`, { headers, body: JSON.stringify(body) })).status;
    };
    const order = { type: 'track', event: 'Secret Order', userId: 'ada@example.com' };
    const good = Array.from({ length: 9 }, (_, index) => ({ ...order, messageId: `secret-${index}` }));
    const bad = [
      { type: 'track', userId: 'u' },
      { type: 'nonsense', userId: 'u' },
    ];
    const risen = await risesBy(async () => {
      expect(await post('batch', { batch: [...good, ...bad] })).toBe(200);
      expect(await post('track', good[0])).toBe(200); // it is there already
      expect(await post('track', good[1], 'nobody')).toBe(401);
      expect(await post('batch', {})).toBe(400);
    });
    const all = await scrape();
    expect(valueOf(all, 'reprise_events_received_total', { source })).toBe(12);
    expect(valueOf(all, 'reprise_events_accepted_total', { source })).toBe(10);
    expect(valueOf(all, rejected, { source })).toBe(2);
    const rows = (await db.pool.query('select code from rejected_event')).rows as { code: string }[];
    for (const { code } of rows) expect(valueOf(all, rejected, { source, reason: code }), code).toBe(1);
    expect(risen('reprise_archive_events_total', { result: 'appended' })).toBe(9);
    expect(risen('reprise_archive_events_total', { result: 'duplicate' })).toBe(1);
    const refused = 'reprise_tracking_requests_refused_total';
    expect(risen(refused, { reason: 'no_batch' })).toBe(1);
    expect(risen(refused, { reason: 'write_key_unknown' })).toBe(1);
    expect(risen('reprise_group_commit_events_sum')).toBe(12);
    expect(risen('reprise_group_commit_duration_seconds_count')).toBe(2);
    expect(risen('reprise_group_commit_failures_total')).toBe(0);
    expect(risen(took, { api: 'tracking', route: 'batch', code: '200' })).toBe(1);
    expect(risen(took, { api: 'tracking', route: 'track', code: '401' })).toBe(1);
    const text = await (await fetch(`http://127.0.0.1:${inside.port}/metrics`)).text();
    for (const secret of ['Secret Order', 'ada@', writeKey, 'secret-']) expect(text).not.toContain(secret);
  });

  test('a request to the admin API by its route, and one to nowhere makes no series of its own', async () => {
    const paths = ['/api/nowhere/1', '/nowhere/2', '/api/replays/3', '/api/sources?limit=2'];
    const risen = await risesBy(() => Promise.all(paths.map((path) => api.call('GET', path))));
    expect(risen(took, { api: 'admin', route: '/api/sources', method: 'GET', code: '200' })).toBe(1);
    expect(risen(took, { api: 'admin', route: '/api/replays/{id}' })).toBe(1);
    expect(risen(took, { api: 'admin', route: 'none', code: '404' })).toBe(2);
    await fetch(`${api.url}/nowhere`, { method: 'PROPFIND' });
    await fetch(`${tracking.url}/v1/nowhere`, { method: 'PROPFIND' });
    expect(valueOf(await scrape(), took, { method: 'other' })).toBe(2);
  });

  test('commits that fail are counted, and their events are not', async () => {
    const { sourceId: source, writeKey } = await newKey(db);
    const keyed = await trackingServer({ db: { ...db, rows: failing(db) } });
    const risen = await risesBy(async () => {
      const answer = await send(`${keyed.url}/v1/track`, {
        headers: { authorization: basic(writeKey) },
        body: '{"event":"e","userId":"u"}',
      });
      expect(answer.status).toBe(503);
    });
    expect(risen('reprise_group_commit_failures_total')).toBe(1);
    expect(risen('reprise_tracking_requests_refused_total', { reason: 'unavailable' })).toBe(1);
    expect(risen('reprise_events_received_total', { source })).toBe(0);
  });
});

/** Appends fail, all else goes on. */
function failing({ rows }: { rows: (typeof db)['rows'] }): typeof rows {
  return async (statement) => {
    if (statement.text.includes('archive_append')) throw new Error('away');
    return await rows(statement);
  };
}

describe('where it is told', () => {
  test('the public port wants a token, the inner one does not, and has nothing else', async () => {
    expect((await fetch(`${api.url}/metrics`)).status).toBe(401);
    const answer = await api.call('GET', '/metrics');
    expect(answer.status).toBe(200);
    expect(valueOf(readExposition(answer.text), 'reprise_build_info', { version: '1.2.3' })).toBe(1);
    expect((await fetch(`http://127.0.0.1:${inside.port}/api/sources`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${inside.port}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  test('processes that are told the same port take one after the other', async () => {
    const options = { role: 'api', version: '1', pools: {}, host: '127.0.0.1', port: inside.port };
    const second = await openMetrics(options);
    afterAll(() => second?.close());
    expect(second?.port).toBeGreaterThan(inside.port);
    expect(await openMetrics({ ...options, port: undefined })).toBeNull();
  });
});

test('names are as Prometheus wants them', async () => {
  await import('../../src/metrics/delivery.ts');
  const own = [...(await scrape()).values()].filter(({ name }) => name.startsWith('reprise_'));
  expect(own.length).toBeGreaterThan(35);
  for (const { name, type, help } of own) {
    expect(type === 'counter', name).toBe(name.endsWith('_total'));
    expect(name, 'base units').not.toMatch(/_(ms|millis|milliseconds|kb|mb|minutes|hours|percent)(_|$)/);
    if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes|events)$/);
    expect(help, name).toMatch(/^[A-Z].{15,}\.$/);
  }
});
