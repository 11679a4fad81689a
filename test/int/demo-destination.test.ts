import { expect, test } from 'vitest';
import type { LedgerStats } from '../../src/dev/demo-destination/ledger.ts';
import { testFolder } from '../support/folder.ts';
import { startProcess } from '../support/processes.ts';

const folder = testFolder();
const entry = new URL('../../src/dev/demo-destination.ts', import.meta.url);

async function start() {
  const started = startProcess(entry, { PORT: '0', REPRISE_DATA_DIR: folder });
  const { port } = await started.ready;
  const url = `http://127.0.0.1:${port}`;
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  const stats = async () => ((await (await fetch(`${url}/stats`)).json()) as { stats: LedgerStats }).stats;
  return { ...started, url, post, stats };
}

const event = (messageId: string) => ({ type: 'track', event: 'Order Completed', userId: 'u-1', messageId });

test('what it has counted survives its kill, down to recognising a duplicate', async () => {
  const first = await start();
  await first.post('/events', event('m-1'), { 'webhook-id': 'msg_1' });
  await first.post('/any/path', [event('m-2'), event('m-3')], { 'webhook-id': 'batch_1' });
  await first.post('/switches', { failing: false, slow: false, down: true });
  await expect(first.post('/events', event('m-4'), { 'webhook-id': 'msg_4' })).rejects.toThrow();
  await first.post('/switches', { down: false });
  first.process.kill('SIGKILL');
  await first.exited;

  const second = await start();
  expect(await second.stats()).toMatchObject({ received: 3, unique: 3, duplicates: 0, refused: { down: 1 } });
  await second.post('/events', event('m-1'), { 'webhook-id': 'msg_1' });
  expect(await second.stats()).toMatchObject({ received: 4, unique: 3, duplicates: 1 });
  await second.post('/reset', {});
  expect(await second.stats()).toMatchObject({ received: 0, unique: 0, users: 0, refused: { down: 0 } });
});

test('its page needs nothing but itself, and a browser lets it load nothing else', async () => {
  const { url } = await start();
  const page = await fetch(`${url}/`);
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
  const html = await page.text();
  expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
  expect(html).not.toMatch(/<script(?![^>]*src=)|<style|style="|\son\w+="/);
  for (const [, file] of html.matchAll(/(?:src|href)="([\w.]+)"/g)) {
    expect((await fetch(`${url}/${file}`)).status).toBe(200);
  }
});

test('the page hears of each change', async () => {
  const { url, post } = await start();
  const updates = await fetch(`${url}/updates`);
  const reader = updates.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toContain('"slow":false');
  await post('/switches', { slow: true });
  await expect.poll(async () => (await reader.read()).value).toContain('"slow":true');
  await post('/switches', { slow: false });
  await reader.cancel();
});

test('controls take JSON only, so that no foreign page can use them', async () => {
  const { url } = await start();
  const answer = await fetch(`${url}/switches`, { method: 'POST', body: '{"down":true}' });
  expect(answer.status).toBe(415);
  expect((await fetch(`${url}/nothing`)).status).toBe(404);
});

test('it ends when told to, and when its parent is gone', async () => {
  const told = await start();
  const open = await fetch(`${told.url}/updates`); // an open page does not keep it
  told.process.kill('SIGTERM');
  expect(await told.exited).toBe(0);
  await open.body?.cancel().catch(() => undefined);
  const orphan = await start();
  orphan.process.disconnect();
  expect(await orphan.exited).toBe(0);
});
