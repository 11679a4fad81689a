import { expect, test } from 'vitest';
import { changeSource } from '../../src/db/sources.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { archivedOf, basic, newKey, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const servers = [await trackingServer({ db }), await trackingServer({ db })];
const event = '{"type":"track","event":"e","userId":"u"}';

async function limitedKey(eventsPerSecond: number | null) {
  const key = await newKey(db);
  await db.run(sql`update source set events_per_second = ${eventsPerSecond} where id = ${key.sourceId}`);
  const headers = { authorization: basic(key.writeKey), origin: 'https://shop.example' };
  return {
    ...key,
    track: (server = 0) => send(`${servers[server]!.url}/v1/track`, { headers, body: event }),
    batch: (count: number) =>
      send(`${servers[0]!.url}/v1/batch`, {
        headers,
        body: `{"batch":[${Array.from({ length: count }, () => event).join(',')}]}`,
      }),
  };
}

test('two processes together take no more than the limit of a source, and about as much as it', async () => {
  const rate = 40;
  const key = await limitedKey(rate);
  const begun = performance.now();
  const elapsed = () => (performance.now() - begun) / 1_000;
  let taken = 0;
  let refused = 0;
  const client = async (server: number) => {
    // The stretch of time is what is tested: the burst of two seconds, and two at the rate.
    while (elapsed() < 4) {
      const { status } = await key.track(server);
      if (status === 200) taken++;
      else {
        expect(status).toBe(429);
        refused++;
      }
    }
  };
  await Promise.all([0, 1, 0, 1].map(client));
  expect(refused).toBeGreaterThan(0);
  expect(taken).toBeLessThanOrEqual(rate * (elapsed() + 2) + rate); // each process may hold a block of a quarter second
  expect(taken).toBeGreaterThan(rate * 4);
  expect(await archivedOf(db, key.sourceId)).toHaveLength(taken);
});

test('a refusal says when to come back, in a way that a page may read', async () => {
  const key = await limitedKey(1);
  expect(await key.batch(60)).toMatchObject({ status: 200 }); // more than is free, taken whole
  const before = Math.floor(Date.now() / 1_000);
  const refused = await key.track();
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.body)).toMatchObject({ code: 'rate_limited' });
  const seconds = Number(refused.headers['retry-after']);
  expect(seconds).toBeGreaterThan(45);
  expect(seconds).toBeLessThanOrEqual(60);
  expect(Number(refused.headers['x-ratelimit-reset']) - before).toBeGreaterThanOrEqual(seconds);
  expect(refused.headers['access-control-expose-headers']).toBe('Retry-After, X-RateLimit-Reset');
  expect(refused.headers['access-control-allow-origin']).toBe('https://shop.example');
  expect(await key.track()).toMatchObject({ status: 429, headers: { 'retry-after': String(seconds) } });
  expect(await archivedOf(db, key.sourceId)).toHaveLength(60);
});

test('no client is told to wait for longer than clients do', async () => {
  const key = await limitedKey(0.5);
  expect(await key.batch(400)).toMatchObject({ status: 200 });
  expect(await key.track()).toMatchObject({ status: 429, headers: { 'retry-after': '300' } });
});

test('a limit that is raised or lifted counts within a second or so, and others are not touched', async () => {
  const key = await limitedKey(1);
  const other = await limitedKey(null);
  await key.batch(500);
  expect(await key.track()).toMatchObject({ status: 429 });
  expect(await other.track()).toMatchObject({ status: 200 });
  await changeSource(db, key.sourceId, { eventsPerSecond: 1_000 });
  await expect.poll(async () => (await key.track()).status, { timeout: 5_000 }).toBe(200);
  await changeSource(db, key.sourceId, { eventsPerSecond: 0.001 });
  await expect.poll(async () => (await key.batch(100)).status, { timeout: 5_000 }).toBe(429);
  await changeSource(db, key.sourceId, { eventsPerSecond: null });
  await expect.poll(async () => (await key.track()).status, { timeout: 5_000 }).toBe(200);
});
