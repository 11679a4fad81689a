import { gzipSync } from 'node:zlib';
import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';
import { adminToken, testApi, type TestApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { serverSentEvents } from '../support/event-stream.ts';
import { newSource } from '../support/events.ts';
import { openProxy } from '../support/proxy.ts';
import { archivedOf } from '../support/tracking.ts';
import { until } from '../support/until.ts';
import { answerOf, openUpload, upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);
/** Another process of the API, as far as the database can tell. */
const elsewhere = await testApi(db);
let source = '';
beforeEach(async () => {
  source = await newSource(db);
});

const row = (number: number) =>
  `{"type":"track","userId":"u-${number % 9}","event":"Seen","timestamp":"2024-01-01T00:00:00Z","properties":{"n":${number},"x":"${'x'.repeat(100)}"}}\n`;
const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => row(from + index)).join('');
const importPath = () => `/api/imports?sourceId=${source}`;

/** Begins an upload in which some rows have been committed, and more will follow. */
async function begun(first: string, key: string, headers: Record<string, string> = {}, from: TestApi = api) {
  const request = openUpload(from.url, importPath(), { 'idempotency-key': key, ...headers });
  request.on('error', () => undefined);
  request.write(first);
  const shown = await until(
    'rows are committed',
    async () => (await elsewhere.call('GET', `/api/imports?sourceId=${source}`)).body.data[0],
    (one) => one?.appended > 0,
  );
  return { request, id: shown.id as string, shown };
}

const read = async (id: string) => (await elsewhere.call('GET', `/api/imports/${id}`)).body;
const interrupted = async (id: string) =>
  await until(
    'interrupted',
    () => read(id),
    ({ status }) => status === 'interrupted',
  );

/** An upload of 2,500 rows that was cut off when most of them had been committed. */
async function brokenOff(key: string) {
  const { request, id } = await begun(rows(0, 2_500), key);
  await until(
    'two chunks',
    () => read(id),
    ({ appended }) => appended >= 2_000,
  );
  request.destroy();
  return { id, left: await interrupted(id) };
}

async function archivedNumbers(): Promise<number[]> {
  const events = await archivedOf(db, source);
  return events.map(
    ({ raw }) => (JSON.parse(Buffer.from(raw).toString()) as { properties: { n: number } }).properties.n,
  );
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

test('progress is seen elsewhere while it runs', async () => {
  const { request, id, shown } = await begun(rows(0, 3_500), 'progress');
  expect(shown).toMatchObject({ status: 'running', endedAt: null });
  const half = await until(
    'three chunks',
    () => read(id),
    ({ appended }) => appended >= 3_000,
  );
  expect(half).toMatchObject({
    status: 'running',
    lines: half.appended,
    bytes: rows(0, half.appended).length,
  });
  const answered = answerOf(request, importPath());
  request.end(rows(3_500, 4_000));
  expect((await answered).body).toMatchObject({ id, status: 'completed', appended: 4_000, lines: 4_000 });
});

test('it can be watched until its end, and an end that is known is not told again', async () => {
  const { request, id } = await begun(rows(0, 1_500), 'watched');
  const headers = { authorization: `Bearer ${adminToken}` };
  const progress = `${elsewhere.url}/api/imports/${id}/progress`;
  const watcher = serverSentEvents(await fetch(progress, { headers }));
  await watcher.next(); // how long to wait before coming back
  const first = (await watcher.next()).value;
  expect([first?.event, JSON.parse(first?.data ?? '').status]).toEqual(['progress', 'running']);
  request.end(rows(1_500, 2_000));
  const seen = [];
  for await (const event of watcher) seen.push(event);
  expect(seen.at(-1)?.event).toBe('end');
  expect(JSON.parse(seen.at(-1)?.data ?? '')).toMatchObject({ id, status: 'completed', appended: 2_000 });
  const known = { ...headers, 'last-event-id': seen.at(-1)?.id ?? '' };
  expect((await fetch(progress, { headers: known })).status).toBe(204);
});

test('a cut connection leaves what was read; the same file with the same key goes on from there', async () => {
  const { id, left } = await brokenOff('cut');
  expect(left.appended).toBeLessThan(4_000);
  const file = rows(0, 4_000);
  const resumed = await upload(api.url, importPath(), gzipSync(file), { 'idempotency-key': 'cut' });
  expect(resumed.body).toMatchObject({
    id,
    status: 'completed',
    appended: 4_000,
    duplicates: 0,
    bytes: file.length,
  });
  expect(await archivedNumbers()).toEqual(upTo(4_000));
});

test('a line that was cut in half is not taken for a row', async () => {
  const { request, id } = await begun(rows(0, 1_500) + row(1_500).slice(0, 60), 'half');
  await until(
    'all whole rows',
    () => read(id),
    ({ appended }) => appended === 1_500,
  );
  request.destroy();
  expect(await interrupted(id)).toMatchObject({ rejected: 0, lines: 1_500 });
  const resumed = await upload(api.url, `/api/imports/${id}/resume`, rows(0, 1_502));
  expect(resumed.body).toMatchObject({ status: 'completed', appended: 1_502, rejected: 0 });
});

test('gzip that ends too soon fails the import; the whole file goes on', async () => {
  const packed = gzipSync(rows(0, 20_000));
  const failed = await upload(api.url, importPath(), packed.subarray(0, packed.length >> 1));
  expect(failed.body).toMatchObject({ status: 422, code: 'unreadable_file' });
  const shown = await read(failed.body.importId);
  expect(shown).toMatchObject({ status: 'failed', failure: { line: shown.lines + 1 } });
  expect(shown.appended).toBeGreaterThan(0);
  const resumed = await upload(api.url, `/api/imports/${shown.id}/resume`, packed);
  expect(resumed).toMatchObject({
    status: 200,
    body: { status: 'completed', appended: 20_000, duplicates: 0 },
  });
});

test('a second sender is refused while the first one sends; the first one is not disturbed', async () => {
  const { request, id } = await begun(rows(0, 1_500), 'two');
  const second = await upload(elsewhere.url, `/api/imports/${id}/resume`, rows(0, 2_000));
  expect(second.body).toMatchObject({ status: 409, code: 'import_running', importId: id });
  const third = await upload(elsewhere.url, importPath(), rows(0, 2_000), { 'idempotency-key': 'two' });
  expect(third.body).toMatchObject({ status: 409, code: 'import_running', importId: id });
  const answered = answerOf(request, importPath());
  request.end(rows(1_500, 2_000));
  expect((await answered).body).toMatchObject({ id, status: 'completed', appended: 2_000, duplicates: 0 });
});

test('a sender whose claim was taken over changes nothing any more', async () => {
  const { request, id } = await begun(rows(0, 1_500), 'zombie');
  const answered = answerOf(request, importPath());
  await db.run(
    sql`update import set sender = ${randomUUID()}, renewed_at = clock_timestamp() where id = ${id}`,
  );
  const before = await read(id);
  request.end(rows(1_500, 3_000));
  expect((await answered).body).toMatchObject({ status: 409, code: 'import_running' });
  expect(await read(id)).toMatchObject({ status: 'running', appended: before.appended });
  expect(await archivedNumbers()).toHaveLength(before.appended);
});

test('another file is refused, whether it differs in a byte or ends before; the import stays as it is', async () => {
  const { id, left } = await brokenOff('differs');
  for (const file of [rows(0, 4_000).replace('"n":17,', '"n":71,'), rows(0, 10), rows(0, 4_000).slice(1)]) {
    const refused = await upload(api.url, `/api/imports/${id}/resume`, file);
    expect(refused.body).toMatchObject({ status: 409, code: 'import_differs', importId: id });
  }
  expect(await read(id)).toMatchObject({ status: 'interrupted', appended: left.appended });
  expect((await upload(api.url, `/api/imports/${id}/resume`, rows(0, 4_000))).body.appended).toBe(4_000);
});

test('a key stands for one import: completed, it is answered again; with other parameters it is refused', async () => {
  const made = await upload(api.url, importPath(), rows(0, 10), { 'idempotency-key': 'one' });
  const again = await upload(api.url, importPath(), rows(0, 10), { 'idempotency-key': 'one' });
  expect(again).toMatchObject({ status: 201, body: made.body });
  expect(again.headers['idempotency-replayed']).toBe('true');
  const other = await upload(api.url, `${importPath()}&type=track`, rows(0, 10), {
    'idempotency-key': 'one',
  });
  expect(other.body).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  const closed = await upload(api.url, `/api/imports/${made.body.id}/resume`, rows(0, 10));
  expect(closed.body).toMatchObject({ status: 409, code: 'import_completed' });
  const bad = await upload(api.url, importPath(), rows(0, 10), { 'idempotency-key': 'a b' });
  expect(bad.body.code).toBe('invalid_idempotency_key');
});

test('Postgres goes away for a moment, also behind a commit: the import goes on, no row is lost or stored twice', async () => {
  const proxy = await openProxy(() => Number(new URL(db.url).port));
  const url = new URL(db.url);
  url.port = String(proxy.port);
  const away = openDatabase({ url: url.href, name: 'import' });
  const through = await testApi(away);
  const { request, id } = await begun(rows(0, 1_500), 'outage', {}, through);
  const lost = proxy.loseAnswers('archive_append', 1);
  request.write(rows(1_500, 4_000));
  await lost;
  await proxy.cut();
  request.write(rows(4_000, 9_000));
  await proxy.become({});
  const answered = answerOf(request, importPath());
  request.end(rows(9_000, 10_000));
  expect((await answered).body).toMatchObject({
    id,
    status: 'completed',
    appended: 10_000,
    duplicates: 0,
    rejected: 0,
  });
  expect(await archivedNumbers()).toEqual(upTo(10_000));
  await away.close();
  await proxy.close();
});
