import { describe, expect, test } from 'vitest';
import type { ArchivedEvent } from '../../src/core/event.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { call, openShop } from '../support/shop.ts';
import { archivedOf, completedOf, newKey, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });

const archivedCount = (sourceId: string, count: number): Promise<ArchivedEvent[]> =>
  expect
    .poll(() => archivedOf(db, sourceId), { timeout: 20_000 })
    .toHaveLength(count)
    .then(() => archivedOf(db, sourceId));

describe('analytics.js in a browser, from a script tag alone', () => {
  test('sends every call, byte for byte, to this server and to no other', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const { page, sent, strangers } = await openShop(url, writeKey);
    await call(page, 'page', 'Docs', 'Home');
    await call(page, 'identify', 'user-1', { plan: 'é😀 "quoted" </script>' });
    await call(page, 'track', 'Order Completed', { total: 12.5, items: [1, { a: null }] });
    await call(page, 'group', 'group-1', { name: 'Initech' });
    await call(page, 'alias', 'user-2', 'user-1');
    await call(page, 'screen', 'Start');
    const archived = await archivedCount(sourceId, 6);
    expect(strangers).toEqual([]);
    expect(sent().map(({ path }) => path)).toEqual(['/v1/p', '/v1/i', '/v1/t', '/v1/g', '/v1/a', '/v1/s']);
    expect(archived.map(rawText)).toEqual(sent().map(({ body }) => body));
    expect(archived.map(({ type }) => type)).toEqual([
      'page',
      'identify',
      'track',
      'group',
      'alias',
      'screen',
    ]);
    expect(archived[2]).toMatchObject({ userId: 'user-1', name: 'Order Completed' });
    for (const event of archived) {
      const completed = completedOf(event);
      expect(completed).not.toHaveProperty('writeKey');
      expect(completed['context']).toMatchObject({ library: { name: 'analytics.js' } });
      expect(completed['receivedAt']).toBe(event.receivedAt.toISOString());
    }
  });

  test('keeps what it cannot send while the network is away, and sends it later, once', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const { page } = await openShop(url, writeKey);
    await call(page, 'track', 'before');
    await archivedCount(sourceId, 1);
    await page.context().setOffline(true);
    expect(await page.evaluate('navigator.onLine')).toBe(false);
    await page.evaluate('void analytics.track("meanwhile")');
    expect(await archivedOf(db, sourceId)).toHaveLength(1);
    await page.context().setOffline(false);
    const archived = await archivedCount(sourceId, 2);
    expect(archived.map(({ name }) => name)).toEqual(['before', 'meanwhile']);
  });

  test('asks for nothing else before it sends, so that who blocks that blocks nothing', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const { page, proxy } = await openShop(url, writeKey, '', /\/settings|\/bundles\//);
    await call(page, 'identify', 'user-1');
    await call(page, 'track', 'Order Completed');
    expect((await archivedCount(sourceId, 2)).map(({ type }) => type)).toEqual(['identify', 'track']);
    const got = proxy.requests.filter(({ method }) => method === 'GET').map(({ path }) => path);
    expect(got).toEqual([`/analytics.js/v1/${writeKey}/analytics.min.js`]);
  });

  test('tries again when a connection breaks, counts its tries, and is allowed to say so', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const { page, proxy, sent } = await openShop(url, writeKey);
    let broken = 0;
    // Chromium repeats by itself what breaks on a connection that it had used before.
    proxy.cut(({ method }) => method === 'POST' && ++broken <= 3);
    await call(page, 'track', 'Order Completed');
    const [archived] = await archivedCount(sourceId, 1);
    expect(sent().map(({ headers }) => Number(headers['x-retry-count']) > 0)).toEqual([true]);
    expect(rawText(archived!)).toBe(sent()[0]?.body);
  });

  test('sends again what was stored when its answer got lost, and it is stored once', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const { page, proxy, sent } = await openShop(url, writeKey);
    proxy.loseAnswers(1);
    await call(page, 'track', 'Order Completed');
    await expect.poll(() => sent().length, { timeout: 20_000 }).toBe(2);
    await call(page, 'track', 'After');
    const archived = await archivedCount(sourceId, 2);
    expect(archived.map(({ name }) => name)).toEqual(['Order Completed', 'After']);
  });

  test('sends at the next visit what it could not send before the visitor left', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const { page, shop, proxy } = await openShop(url, writeKey);
    await call(page, 'page');
    await archivedCount(sourceId, 1);
    proxy.cut(({ method }) => method !== 'GET');
    await page.evaluate('void analytics.track("Leaving")');
    await page.goto('about:blank');
    expect(await archivedOf(db, sourceId)).toHaveLength(1);
    proxy.cut(() => false);
    await page.goto(shop);
    expect((await archivedCount(sourceId, 2)).map(({ type }) => type)).toEqual(['page', 'track']);
  });
});

describe('analytics.js that gathers its calls', () => {
  const gathering = {
    'Segment.io': { deliveryStrategy: { strategy: 'batching', config: { size: 50, timeout: 60_000 } } },
  };
  const early = `window.analytics = [['track', 'Early']];
    analytics._loadOptions = ${JSON.stringify({ integrations: gathering })};`;

  test('sends a batch of them when the visitor leaves, those of before it was there first', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const { page, sent, strangers } = await openShop(url, writeKey, early);
    await page.waitForFunction('typeof analytics.ready === "function"');
    await page.evaluate('void analytics.track("One")');
    await page.evaluate('void analytics.track("Two")');
    expect(sent()).toEqual([]);
    await page.goto('about:blank');
    const archived = await archivedCount(sourceId, 3);
    expect(archived.map(({ name }) => name)).toEqual(['Early', 'One', 'Two']);
    expect(strangers).toEqual([]);
    expect(sent().map(({ path }) => path)).toEqual(['/v1/b']);
    expect(sent()[0]?.body).toContain(`"batch":[${archived.map(rawText).join(',')}]`);
  });
});

describe('the script', () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    send(url + path, { method: 'GET', headers });

  test('knows its key and where it came from, and may be kept for a while', async () => {
    const { writeKey } = await newKey(db);
    for (const name of ['analytics.min.js', 'analytics.js', 'platform/analytics.min.js']) {
      const answer = await get(`/analytics.js/v1/${writeKey}/${name}`, {
        host: 'in.example',
        'x-forwarded-proto': 'https',
      });
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'public, max-age=120',
        vary: 'Origin, Accept-Encoding',
      });
      expect(answer.body).toContain(`window.analyticsWriteKey="${writeKey}"`);
      expect(answer.body).toContain('a._cdn="https://in.example"');
    }
  });

  test('is refused for a key that is none', async () => {
    expect(await get('/analytics.js/v1/nobody/analytics.min.js')).toMatchObject({ status: 401 });
  });

  test('loads its parts from here, packed where the browser takes that', async () => {
    const path = '/analytics-next/bundles/ajs-destination.bundle.40628baed746e9904edc.js';
    const plain = await get(path);
    expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(plain.body).toContain('webpackChunk');
    const response = await fetch(url + path, { headers: { 'accept-encoding': 'gzip' } });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toBe(plain.body);
    for (const name of ['nothing.js', '..%2fpackage.json', 'standalone.js.map'])
      expect(await get(`/analytics-next/bundles/${name}`)).toMatchObject({ status: 404 });
  });
});
