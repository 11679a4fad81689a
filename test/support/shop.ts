import type { Page } from 'playwright-core';
import { openPage } from './browser.ts';
import { pageServer } from './page-server.ts';
import { recordingProxy } from './recording-proxy.ts';

/**
 * Opens a page of another origin that loads the client by nothing but a script tag from a server.
 * @param url of the tracking API
 * @param before what the page's own script does before that
 * @param blocked addresses that an ad blocker keeps it from
 */
export async function openShop(url: string, writeKey: string, before = '', blocked: RegExp | null = null) {
  const proxy = await recordingProxy(url);
  proxy.cut(({ path }) => blocked?.test(path) === true);
  const own = before === '' ? '' : `<script>${before}</script>`;
  const script = `<script src="${proxy.url}/analytics.js/v1/${writeKey}/analytics.min.js"></script>`;
  const shop = await pageServer(`<!doctype html><title>Shop</title>${own}${script}<h1>Shop</h1>`);
  const page = await openPage('about:blank');
  const strangers: string[] = [];
  page.on('request', (request) => {
    const isKnown = [proxy.url, shop].some((known) => request.url().startsWith(known));
    if (!isKnown) strangers.push(request.url());
  });
  await page.goto(shop);
  const sent = () => proxy.requests.filter(({ method }) => method === 'POST');
  return { page, shop, proxy, sent, strangers };
}

/** Calls the client in the page once it is there. */
export async function call(page: Page, method: string, ...args: unknown[]): Promise<void> {
  await page.waitForFunction('typeof analytics.ready === "function"');
  const called = `analytics.${method}(...${JSON.stringify(args)})`;
  await page.evaluate(`analytics.ready().then(() => ${called}).then(() => undefined)`);
}
