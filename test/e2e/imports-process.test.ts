import { createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { startApi, type ApiProcess } from '../support/api-process.ts';
import { memoryOf } from '../support/memory.ts';
import { testDatabase } from '../support/database.ts';
import { newSource } from '../support/events.ts';
import { archivedOf } from '../support/tracking.ts';
import { until } from '../support/until.ts';
import { answerOf, openUpload, upload } from '../support/uploads.ts';

const db = await testDatabase();

const row = (number: number) =>
  `{"type":"track","userId":"u-${number % 9}","event":"Seen","properties":{"n":${number}}}\n`;
const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => row(from + index)).join('');

/** Begins an upload at one process of which some is committed, as another one sees it. */
async function begun(at: string, reader: ApiProcess) {
  const source = await newSource(db);
  const request = openUpload(at, `/api/imports?sourceId=${source}`);
  request.on('error', () => undefined);
  request.write(rows(0, 3_450));
  const shown = await until(
    'rows are committed',
    async () => (await reader.call('GET', `/api/imports?sourceId=${source}`)).body.data[0],
    (one) => (one?.appended ?? 0) >= 3_400,
  );
  return { source, request, id: shown?.id ?? '' };
}

async function archivedNumbers(source: string): Promise<number[]> {
  const events = await archivedOf(db, source);
  return events.map(({ raw }) => {
    const { properties } = JSON.parse(Buffer.from(raw).toString()) as { properties: { n: number } };
    return properties.n;
  });
}

test('an API process is killed in the middle: another one goes on with the same file, no row is stored twice', async () => {
  const [one, other] = [await startApi(db.url), await startApi(db.url)];
  const { source, id } = await begun(one.url, other);
  one.process.kill('SIGKILL');
  await one.exited;
  const resumed = await upload(other.url, `/api/imports/${id}/resume`, rows(0, 5_000));
  expect(resumed).toMatchObject({
    status: 200,
    body: { id, status: 'completed', appended: 5_000, duplicates: 0, rejected: 0 },
  });
  expect(await archivedNumbers(source)).toEqual(Array.from({ length: 5_000 }, (_, number) => number));
});

test('an API process that is asked to end commits what it has read, says so, and ends', async () => {
  const [one, other] = [await startApi(db.url), await startApi(db.url)];
  const { source, request, id } = await begun(one.url, other);
  const answer = answerOf(request, '/api/imports');
  one.process.kill('SIGTERM');
  expect((await answer).body).toMatchObject({ status: 503, code: 'unavailable', importId: id });
  expect(await one.exited).toBe(0);
  expect((await other.call('GET', `/api/imports/${id}`)).body).toMatchObject({
    status: 'interrupted',
    appended: 3_450,
  });
  const resumed = await upload(other.url, `/api/imports/${id}/resume`, rows(0, 4_000));
  expect(resumed.body).toMatchObject({ status: 'completed', appended: 4_000, duplicates: 0 });
  expect(await archivedNumbers(source)).toHaveLength(4_000);
});

test('a file that is larger than what the process may hold passes through it', async () => {
  const api = await startApi(db.url);
  const source = await newSource(db);
  const megabytes = 600;
  const filler = 'x'.repeat(30_000);
  // Half of it is one row that never ends: of a row as well only a part is held.
  function* file() {
    for (let number = 0; number < (megabytes / 2) * 33; number++) {
      yield `{"type":"track","userId":"u","event":"${number % 50}","properties":{"filler":"${filler}"}}\n`;
    }
    for (let number = 0; number < (megabytes / 2) * 33; number++) yield filler;
    yield '\n{"type":"track","userId":"u","event":"Last"}';
  }
  // Everything has run once.
  const first = await upload(
    api.url,
    `/api/imports?sourceId=${source}`,
    '{"type":"track","userId":"u","event":"First"}',
  );
  expect(first.status).toBe(201);
  const before = memoryOf(api.pid);
  const packed = Readable.from(file(), { objectMode: false }).pipe(createGzip({ level: 1 }));
  const { body } = await upload(api.url, `/api/imports?sourceId=${source}`, packed);
  expect(body).toMatchObject({ status: 'completed', rejected: 1, errors: [{ code: 'row_too_large' }] });
  expect(body.appended).toBe((megabytes / 2) * 33 + 1);
  expect(body.bytes).toBeGreaterThan(megabytes * 950_000);
  const peak = memoryOf(api.pid).peak - before.now;
  expect(peak).toBeLessThan(megabytes / 3);
});
