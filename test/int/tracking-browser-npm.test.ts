import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { createViteServer } from 'vitest/node';
import { openPage } from '../support/browser.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { recordingProxy } from '../support/recording-proxy.ts';
import { call, openShop } from '../support/shop.ts';
import { archivedOf, newKey, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));
/** What the document has a page pass to `AnalyticsBrowser.load`, each in backquotes. */
const documented = (name: string) =>
  new RegExp(`\`(${name}: [^\`]+)\``).exec(
    readFileSync(new URL('../../docs/sdks.md', import.meta.url), 'utf8'),
  )![1]!;

/**
 * Opens a page that has the client from npm in a bundle of its own, as Vite makes it, and loads it with these settings,
 * which name the demo's address and key.
 */
async function openOwnBundle(settings: string) {
  const { sourceId, writeKey } = await newKey(db);
  const proxy = await recordingProxy(url);
  const own = settings
    .replaceAll('localhost:4000', new URL(proxy.url).host)
    .replaceAll('wk_demo_shop', writeKey);
  const script = `import { AnalyticsBrowser } from '@segment/analytics-next';
    window.analytics = AnalyticsBrowser.load({ writeKey: '${writeKey}', ${own} });`;
  const shop = await bundledPage(script);
  const page = await openPage('about:blank');
  const strangers: string[] = [];
  page.on('request', (request) => {
    if (![proxy.url, shop].some((known) => request.url().startsWith(known))) strangers.push(request.url());
  });
  await page.goto(shop);
  await page.waitForFunction('window.analytics !== undefined');
  return { page, proxy, sourceId, writeKey, strangers };
}

/** A web site whose page runs a module that may import the project's packages. @returns its address */
async function bundledPage(script: string): Promise<string> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'page-'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="/page.js"></script>');
  writeFileSync(join(folder, 'page.js'), script);
  const server = await createViteServer({
    root: folder,
    cacheDir: join(folder, 'made'),
    configFile: false,
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0, hmr: false, ws: false },
    optimizeDeps: { include: ['@segment/analytics-next'] },
  });
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await server.listen();
  return `http://127.0.0.1:${(server.httpServer!.address() as AddressInfo).port}/`;
}

const namesOf = async (sourceId: string) =>
  (await archivedOf(db, sourceId)).map(({ type, name, userId }) => `${type} ${name} ${userId}`);

test('analytics.js of npm with this server as cdnURL asks for its settings here, and sends here', async () => {
  const { page, proxy, sourceId, writeKey, strangers } = await openOwnBundle(documented('cdnURL'));
  await call(page, 'track', 'Hello');
  await expect.poll(() => archivedOf(db, sourceId), { timeout: 20_000 }).toHaveLength(1);
  const asked = proxy.requests.filter(({ method }) => method !== 'OPTIONS');
  expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
    `GET /v1/projects/${writeKey}/settings`,
    'POST /v1/t',
  ]);
  expect((await archivedOf(db, sourceId)).map(rawText)).toEqual([asked[1]!.body]);
  expect(strangers).toEqual([]);
});

test('analytics.js of npm with its settings given asks for none', async () => {
  const { page, proxy, sourceId, strangers } = await openOwnBundle(documented('cdnSettings'));
  await call(page, 'track', 'Hello');
  await expect.poll(() => archivedOf(db, sourceId), { timeout: 20_000 }).toHaveLength(1);
  expect(proxy.requests.filter(({ method }) => method === 'GET')).toEqual([]);
  expect(strangers).toEqual([]);
});

test.each([
  ['gathers', "strategy: 'batching', config: { size: 2, timeout: 60_000 }", ['/v1/b']],
  ['sends headers of its own', "config: { headers: { 'x-shop': '1' }, keepalive: true }", ['/v1/t', '/v1/t']],
])('a client whose settings have it that it %s is served', async (_, strategy, paths) => {
  const settings = documented('cdnSettings').replace('apiKey:', `deliveryStrategy: { ${strategy} }, apiKey:`);
  const { page, proxy, sourceId } = await openOwnBundle(settings);
  await call(page, 'track', 'One');
  await call(page, 'track', 'Two');
  await expect.poll(() => archivedOf(db, sourceId), { timeout: 20_000 }).toHaveLength(2);
  expect((await namesOf(sourceId)).toSorted()).toEqual(['track One null', 'track Two null']);
  const sent = proxy.requests.filter(({ method }) => method === 'POST');
  expect(sent.map(({ path }) => path)).toEqual(paths);
  const own = sent.filter(({ headers }) => headers['x-shop'] === '1');
  expect(own).toHaveLength(strategy.includes('x-shop') ? 2 : 0);
});

test('the client loads the parts of it that a page needs from here, and they work', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const { page, shop, proxy, strangers } = await openShop(url, writeKey);
  const parts = () =>
    proxy.requests.map(({ path }) => /^\/analytics-next\/bundles\/([\w-]+)\./.exec(path)?.[1] ?? '');
  await page.goto(`${shop}?ajs_uid=user-9&ajs_event=Opened&ajs_prop_from=mail`);
  await expect.poll(() => archivedOf(db, sourceId), { timeout: 20_000 }).toHaveLength(2);
  expect(parts()).toContain('queryString');
  await page.waitForFunction('typeof analytics.ready === "function"');
  await page.evaluate(`(async () => {
    const link = document.body.appendChild(document.createElement('a'));
    link.href = '#further';
    await analytics.trackLink(link, 'Clicked');
    link.click();
  })()`);
  await expect.poll(() => archivedOf(db, sourceId), { timeout: 20_000 }).toHaveLength(3);
  expect(parts()).toContain('auto-track');
  expect((await namesOf(sourceId)).toSorted()).toEqual([
    'identify null user-9',
    'track Clicked user-9',
    'track Opened user-9',
  ]);
  expect(strangers).toEqual([]);
});
