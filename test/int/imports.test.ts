import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, rawText } from '../support/events.ts';
import { archivedOf, rejectedOf } from '../support/tracking.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);
let source = '';
beforeEach(async () => {
  source = await newSource(db);
});

const send = async (file: string | Uint8Array, query = '', headers: Record<string, string> = {}) =>
  await upload(api.url, `/api/imports?sourceId=${source}${query}`, file, headers);

const order = (number: number, more: object = {}) => ({
  type: 'track',
  event: 'Order Completed',
  userId: `user-${number % 7}`,
  messageId: `order-${number}`,
  timestamp: new Date(Date.UTC(2024, 0, 1) + number * 1_000).toISOString(),
  ...more,
});
const ndjson = (events: readonly object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('');
const orders = (count: number) => Array.from({ length: count }, (_, number) => order(number));

describe('NDJSON', () => {
  test('is archived in the order of its lines, byte for byte, with its own times, not live', async () => {
    const lines = [
      '{"type":"track","userId":"u","event":"A","messageId":"m-1","timestamp":"2023-05-01T10:00:00.000Z","properties":{"total":25.00,"big":9007199254740993}}',
      '{ "type" : "track", "userId":"u", "event":"B", "messageId":"m-2", "originalTimestamp":"2023-05-02T10:00:00.000Z","timestamp":"2023-05-02T09:59:58.000Z","sentAt":"2023-05-02T10:00:01.000Z","receivedAt":"2023-05-02T10:00:02.000Z" }',
      '{"type":"identify","userId":"ü-1","messageId":"m-3","traits":{"name":"Ann \\u0000 \\ud800"}}',
    ];
    const answer = await send(lines.join('\r\n'), '&name=history.ndjson');
    expect(answer).toMatchObject({
      status: 201,
      body: {
        status: 'completed',
        name: 'history.ndjson',
        format: 'ndjson',
        lines: 3,
        appended: 3,
        errors: [],
      },
    });
    expect(answer.headers['location']).toBe(`/api/imports/${answer.body.id}`);
    const events = await archivedOf(db, source);
    expect(events.map(rawText)).toEqual(lines);
    expect(events.map(({ live, origin }) => [live, origin])).toEqual(lines.map(() => [false, 'import']));
    expect(events.map(({ timestamp }) => timestamp.toISOString()).slice(0, 2)).toEqual([
      '2023-05-01T10:00:00.000Z',
      '2023-05-02T09:59:58.000Z',
    ]);
    expect(events[1]?.receivedAt.toISOString()).toBe('2023-05-02T10:00:02.000Z');
  });

  test.each([
    ['plain', (file: string) => Buffer.from(file), {}],
    ['with a byte order mark', (file: string) => Buffer.from(`\uFEFF${file}`), {}],
    ['compressed, and nobody says so', (file: string) => gzipSync(file), {}],
    ['compressed, as the header says', (file: string) => gzipSync(file), { 'content-encoding': 'gzip' }],
    ['compressed twice', (file: string) => gzipSync(gzipSync(file)), { 'content-encoding': 'gzip' }],
    [
      'of several compressed files',
      (file: string) => Buffer.concat([gzipSync(file.slice(0, 1_000)), gzipSync(file.slice(1_000))]),
      {},
    ],
    [
      'as curl calls it',
      (file: string) => Buffer.from(file),
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
  ])('comes %s', async (_, packed, headers) => {
    const answer = await send(packed(ndjson(orders(2_500))), '', headers);
    expect(answer.body).toMatchObject({ status: 'completed', lines: 2_500, appended: 2_500, rejected: 0 });
    expect((await archivedOf(db, source)).map(({ messageId }) => messageId)).toEqual(
      orders(2_500).map(({ messageId }) => messageId),
    );
  });

  test('keeps rows that are no events with line and reason; their neighbours are archived', async () => {
    const rows = [
      JSON.stringify(order(1)),
      '{"type":"track"',
      '',
      '{"type":"track","event":"No user"}',
      '[1]',
      JSON.stringify(order(1, { event: 'Another' })),
      JSON.stringify(order(1)),
      `{"type":"track","userId":"u","event":"Big","properties":{"x":"${'x'.repeat(40_000)}"}}`,
      `{"type":"track","userId":"u","event":"Huge","properties":{"x":"${'x'.repeat(2_000_000)}"}}`,
      JSON.stringify(order(2)),
    ];
    const { body } = await send(rows.join('\n'));
    expect(body).toMatchObject({ status: 'completed', lines: 10, appended: 2, duplicates: 1, rejected: 6 });
    expect(body.errors.map(({ line, code }: { line: number; code: string }) => [line, code])).toEqual([
      [2, 'malformed_json'],
      [4, 'no_user'],
      [5, 'not_an_object'],
      [6, 'message_id_reused'],
      [8, 'event_too_large'],
      [9, 'row_too_large'],
    ]);
    expect(body.errors[0]).toMatchObject({ raw: rows[1], message: expect.any(String) });
    expect(body.errors[4].raw).toBe(rows[7]?.slice(0, 1_024));
    const kept = await rejectedOf(db, source);
    expect(kept.map(({ code }) => code).toSorted()).toEqual(
      body.errors.map(({ code }: { code: string }) => code).toSorted(),
    );
    expect(kept.find(({ code }) => code === 'event_too_large')?.raw.toString()).toBe(rows[7]);
    expect((await api.call('GET', `/api/imports/${body.id}`)).body).toEqual(body);
  });

  test('shows the first 50 of many wrong rows, and counts all', async () => {
    const wrong = Array.from({ length: 5_000 }, (_, number) => `{"type":"track","event":"${number}"}`);
    const { body } = await send(wrong.join('\n'));
    expect(body).toMatchObject({ status: 'completed', rejected: 5_000, appended: 0 });
    expect(body.errors.map(({ line }: { line: number }) => line)).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    expect(await rejectedOf(db, source)).toHaveLength(5_000);
  });

  test('the same file again adds nothing, also of rows without messageId; one that has grown adds what is new', async () => {
    const same = '{"type":"track","userId":"u","event":"Same"}\n';
    const file = same.repeat(3) + ndjson(orders(2));
    expect((await send(file)).body).toMatchObject({ appended: 5, duplicates: 0 });
    expect((await send(file)).body).toMatchObject({ appended: 0, duplicates: 5 });
    expect((await send(file + same)).body).toMatchObject({ appended: 1, duplicates: 5 });
    expect(new Set((await archivedOf(db, source)).map(({ messageId }) => messageId)).size).toBe(6);
  });
});

describe('lists', () => {
  test('imports of a source newest first, page by page', async () => {
    const ids: string[] = [];
    for (let number = 0; number < 3; number++) ids.push((await send(ndjson([order(number)]))).body.id);
    const first = (await api.call('GET', `/api/imports?sourceId=${source}&limit=2`)).body;
    const second = (
      await api.call('GET', `/api/imports?sourceId=${source}&limit=2&cursor=${first.nextCursor}`)
    ).body;
    expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(ids.toReversed());
    expect(second.nextCursor).toBeNull();
    expect((await api.call('GET', `/api/imports?source=${source}&limit=2`)).body).toEqual(first); // its older name
    const twice = await api.call('GET', `/api/imports?source=${source}&sourceId=${source}`);
    expect(twice.body.errors).toMatchObject([{ parameter: 'source' }]);
    expect((await api.call('GET', `/api/imports/${randomUUID()}`)).body.code).toBe('not_found');
  });
});

describe('is refused with a remedy', () => {
  test.each([
    ['nothing', '', '', 422, 'unreadable_file', /empty/],
    ['blank lines', '\n \n', '', 422, 'unreadable_file', /empty/],
    ['a JSON array', '[{"type":"track"}]', '', 422, 'unreadable_file', /jq -c/],
    ['a zip', Buffer.from('504b030414000000', 'hex'), '', 422, 'unreadable_file', /zip/],
    ['UTF-16', Buffer.from('\uFEFFtype', 'utf16le'), '', 422, 'unreadable_file', /UTF-16/],
    ['gzip that is damaged', gzipSync('x'.repeat(500)).fill(7, 12, 20), '', 422, 'unreadable_file', /gzip/],
    ['an unknown format', '{}', '&format=xml', 400, 'invalid_query', /^format: Expected "ndjson" or "csv"/],
    ['an unknown parameter', '{}', '&fromat=csv', 400, 'invalid_query', /Did you mean "format"/],
  ])('%s', async (_, file, query, status, code, detail) => {
    const refused = await send(file, query);
    expect(refused.body).toMatchObject({ status, code, detail: expect.stringMatching(detail) });
    expect((await api.call('GET', `/api/imports?sourceId=${source}`)).body.data).toEqual([]);
  });

  test('a form, a foreign encoding, and gzip that is none', async () => {
    const types = [
      [{ 'content-type': 'multipart/form-data; boundary=x' }, 'unsupported_media_type', /--data-binary/],
      [{ 'content-encoding': 'br' }, 'unsupported_media_type', /gzip or nothing/],
      [{ 'content-encoding': 'gzip' }, 'unreadable_file', /Leave the header out/],
    ] as const;
    for (const [headers, code, detail] of types) {
      const refused = await send('{"type":"track"}', '', headers);
      expect(refused.body).toMatchObject({ code, detail: expect.stringMatching(detail) });
    }
  });

  test('a source that is not there', async () => {
    const path = `/api/imports?sourceId=${randomUUID()}`;
    const refused = await upload(api.url, path, '{}');
    expect(refused.body).toMatchObject({ status: 400, errors: [{ parameter: 'sourceId' }] });
    expect((await upload(api.url, '/api/imports', '{}')).body.detail).toMatch(/^sourceId: Missing/);
  });
});
