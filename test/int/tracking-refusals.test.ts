import { Analytics as Segment } from '@segment/analytics-node';
import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { openPage } from '../support/browser.ts';
import { testDatabase } from '../support/database.ts';
import { pageServer } from '../support/page-server.ts';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.ts';
import { call, openShop } from '../support/shop.ts';
import { archivedOf, basic, newKey, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const event = '{"type":"track","event":"e","userId":"u"}';

/** A source that has just been sent so much that it takes nothing more for about so many seconds. */
async function exhaustedKey(seconds: number) {
  const key = await newKey(db);
  const rate = 100;
  await db.run(sql`update source set events_per_second = ${rate} where id = ${key.sourceId}`);
  const count = rate * seconds;
  const body = `{"batch":[${Array.from({ length: count }, () => event).join(',')}]}`;
  const headers = { authorization: basic(key.writeKey) };
  expect((await send(`${url}/v1/batch`, { headers, body })).status).toBe(200);
  const refused = await send(`${url}/v1/track`, { headers, body: event });
  expect(refused.status).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  return { ...key, count };
}

test('a page of another origin reads every refusal, with when to come back', async () => {
  const { writeKey } = await newKey(db);
  const { writeKey: exhausted } = await exhaustedKey(20);
  const closed = await trackingServer({ db });
  await closed.handler.close();
  const page = await openPage(await pageServer('<!doctype html><title>Shop</title>'));
  const read = (address: string, key: string, body: string) =>
    page.evaluate(
      async (request) => {
        const answer = await fetch(request.address, {
          method: 'POST',
          credentials: 'include',
          headers: { authorization: request.authorization, 'content-type': 'application/json' },
          body: request.body,
        });
        const { code } = (await answer.json()) as { code: string };
        return [answer.status, code, Number(answer.headers.get('retry-after')) > 0];
      },
      { address, authorization: basic(key), body },
    );
  expect(await read(`${url}/v1/t`, writeKey, '{')).toEqual([400, 'malformed_json', false]);
  expect(await read(`${url}/v1/t`, 'nobody', event)).toEqual([401, 'write_key_unknown', false]);
  expect(await read(`${url}/v1/nothing`, writeKey, event)).toEqual([404, 'unknown_address', false]);
  expect(await read(`${url}/v1/b`, writeKey, ' '.repeat(600_000))).toEqual([413, 'body_too_large', false]);
  expect(await read(`${url}/v1/t`, exhausted, event)).toEqual([429, 'rate_limited', true]);
  expect(await read(`${closed.url}/v1/t`, writeKey, event)).toEqual([503, expect.any(String), true]);
});

/** When a client sends; milliseconds. */
function timesOf(proxy: RecordingProxy): number[] {
  const times: number[] = [];
  proxy.cut(({ method }) => method === 'POST' && times.push(performance.now()) < 0);
  return times;
}

/** The client was refused, waited for as long as it was told, and brought its event. */
async function expectWaited(key: { sourceId: string; count: number }, times: readonly number[]) {
  await expect.poll(() => archivedOf(db, key.sourceId), { timeout: 20_000 }).toHaveLength(key.count + 1);
  expect((await archivedOf(db, key.sourceId)).at(-1)).toMatchObject({ type: 'track', name: 'Later' });
  expect(times.length).toBeGreaterThanOrEqual(2);
  expect(times[1]! - times[0]!).toBeGreaterThan(950);
}

test('@segment/analytics-node that sends too fast brings its event later', async () => {
  const proxy = await recordingProxy(url);
  const times = timesOf(proxy);
  const key = await exhaustedKey(5);
  const analytics = new Segment({ writeKey: key.writeKey, host: proxy.url, flushInterval: 10 });
  const failures: unknown[] = [];
  analytics.on('error', (error) => failures.push(error));
  analytics.track({ userId: 'u', event: 'Later' });
  await analytics.closeAndFlush({ timeout: 20_000 });
  await expectWaited(key, times);
  expect(failures).toEqual([]);
});

test('analytics.js that sends too fast brings its event later', async () => {
  const key = await exhaustedKey(6);
  const { page, proxy } = await openShop(url, key.writeKey);
  const times = timesOf(proxy);
  await call(page, 'track', 'Later');
  await expectWaited(key, times);
});
