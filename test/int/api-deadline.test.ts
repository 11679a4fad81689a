import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { adminToken, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource } from '../support/events.ts';
import { answerOf, openUpload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);
const source = await newSource(db);

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const row = (number: number) => `{"type":"track","userId":"u","event":"Slow","messageId":"slow-${number}"}\n`;
const path = `/api/imports?sourceId=${source}`;

/** Reads again and again without a timer, because time stands still. */
async function turns(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setImmediate();
}
const lastImport = async () => (await api.call('GET', `/api/imports?sourceId=${source}`)).body.data[0];

test('a request that has not arrived within a minute is cut', async () => {
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
  const slow = httpRequest(`${api.url}/api/sources`, { method: 'POST', headers });
  const timers = vi.getTimerCount();
  slow.write('{"name":');
  const ended = Promise.race([once(slow, 'response'), once(slow, 'error')]);
  await turns(() => Promise.resolve(vi.getTimerCount() > timers));
  await vi.advanceTimersByTimeAsync(61_000);
  const [end] = (await ended) as [IncomingMessage | NodeJS.ErrnoException];
  if (!('statusCode' in end)) throw end;
  expect(end).toMatchObject({ statusCode: 408, headers: { 'access-control-allow-origin': '*' } });
  expect(await json(end)).toMatchObject({ code: 'request_timeout' });
});

test('a file may take longer, as long as something comes', async () => {
  const upload = openUpload(api.url, path);
  const answered = answerOf(upload, path);
  upload.write(row(0));
  await turns(async () => (await lastImport())?.status === 'running');
  for (let number = 1; number < 5; number++) {
    await vi.advanceTimersByTimeAsync(25_000);
    upload.write(row(number));
    await setImmediate();
  }
  upload.end();
  expect((await answered).body).toMatchObject({ status: 'completed', appended: 5 });
});

test('a sender who says nothing for a minute is taken to be gone; what came is kept', async () => {
  const upload = openUpload(api.url, path);
  const answered = answerOf(upload, path);
  upload.write(row(10) + row(11));
  await turns(async () => (await lastImport())?.status === 'running');
  await vi.advanceTimersByTimeAsync(61_000);
  const { body } = await answered;
  expect(body).toMatchObject({ status: 408, code: 'upload_cut' });
  expect(await lastImport()).toMatchObject({ id: body.importId, status: 'interrupted', appended: 2 });
});
