import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, rawText } from '../support/events.ts';
import { archivedOf, completedOf, rejectedOf } from '../support/tracking.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);
let source = '';
beforeEach(async () => {
  source = await newSource(db);
});

const send = async (file: string | Uint8Array, query: Record<string, string | string[]> = {}) => {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  const search = new URLSearchParams([['sourceId', source], ...pairs] as [string, string][]);
  return await upload(api.url, `/api/imports?${search.toString()}`, file);
};
const archived = async () => await archivedOf(db, source);

describe('events', () => {
  const header =
    'type,event,userId,anonymousId,timestamp,messageId,properties.total,traits.plan,context.page.url';

  test('are made of columns that are named as fields and paths', async () => {
    const rows = [
      header,
      'track,Order Completed,user-1,,2023-05-01T10:00:00.000Z,m-1,25.00,,https://example.com/a',
      'identify,,user-2,anon-2,2023-05-01 10:00:01,m-2,,gold,',
    ];
    const { body } = await send(rows.join('\r\n'), { name: 'events.csv' });
    expect(body).toMatchObject({ status: 'completed', format: 'csv', lines: 3, appended: 2, errors: [] });
    const events = await archived();
    expect(events.map((event) => JSON.parse(rawText(event)))).toEqual([
      {
        type: 'track',
        event: 'Order Completed',
        userId: 'user-1',
        timestamp: '2023-05-01T10:00:00.000Z',
        messageId: 'm-1',
        properties: { total: '25.00' },
        context: { page: { url: 'https://example.com/a' } },
      },
      {
        type: 'identify',
        userId: 'user-2',
        anonymousId: 'anon-2',
        timestamp: '2023-05-01 10:00:01',
        messageId: 'm-2',
        traits: { plan: 'gold' },
      },
    ]);
    expect(events.map(({ live, origin }) => [live, origin])).toEqual(events.map(() => [false, 'import']));
    expect(completedOf(events[1]!)['timestamp']).toBe('2023-05-01T10:00:01.000Z');
  });

  test('keep what RFC 4180 allows in a field: separators, quotes, line breaks', async () => {
    const name = 'Ann "the first", of\r\nYork\n';
    const file = `\uFEFFtype,user_id,event,properties.name\ntrack,u-1,A,"${name.replaceAll('"', '""')}"\n"track","u-2","B",""\n\ntrack,u-3,C,5" pipe`;
    const { body } = await send(gzipSync(file));
    expect(body).toMatchObject({ appended: 2, rejected: 1, lines: 7 });
    const events = (await archived()).map((event) => JSON.parse(rawText(event)));
    expect(events).toEqual([
      { type: 'track', userId: 'u-1', event: 'A', properties: { name } },
      { type: 'track', userId: 'u-2', event: 'B' },
    ]);
    expect(body.errors).toEqual([
      {
        line: 7,
        code: 'malformed_row',
        message: expect.stringMatching(/quotes/),
        remedy: expect.stringContaining('RFC 4180'),
        raw: 'track,u-3,C,5" pipe',
      },
    ]);
  });

  test('take numbers, truths and JSON where a map says so, digit by digit', async () => {
    const file =
      'Customer;Total;VIP;Items;When;Comment\n42;12345678901234567890.10;TRUE;"[{""sku"":1}]";2024-02-29;no\n';
    const map = [
      'Customer:userId',
      'Total:properties.total:number',
      'VIP:properties.vip:boolean',
      'Items:properties.items:json',
      'When:timestamp',
      'Comment:-',
    ];
    const { body } = await send(file, { type: 'track', map: [...map] });
    expect(body.errors).toMatchObject([{ code: 'track_without_event', raw: expect.stringMatching(/^42;/) }]);
    const named = `Event;${file.replace('\n42', '\nBought;42')}`;
    expect((await send(named, { type: 'track', map })).body).toMatchObject({
      appended: 1,
      type: 'track',
      map,
    });
    expect(rawText((await archived())[0]!)).toBe(
      '{"event":"Bought","userId":"42","properties":{"total":12345678901234567890.10,"vip":true,"items":[{"sku":1}]},"timestamp":"2024-02-29","type":"track"}',
    );
  });

  test('that a row does not give are kept as rows, with the column at fault; the others are archived', async () => {
    const rows = [
      'type,userId,event,timestamp,properties.n',
      'track,u-1,A,2024-01-01,1',
      'track,u-1,A,2024-01-01',
      'track,u-1,A,01/02/2024,1',
      'track,u-1,A,2024-01-01,one',
      'trakc,u-1,A,2024-01-01,1',
      'track,,A,2024-01-01,1',
      'track,u-2,B,2024-01-02,2',
    ];
    const { body } = await send(rows.join('\n'), { map: 'properties.n:properties.n:number' });
    expect(body).toMatchObject({ status: 'completed', appended: 2, rejected: 5 });
    expect(
      body.errors.map((error: Record<string, unknown>) => [error['line'], error['code'], error['raw']]),
    ).toEqual([
      [3, 'malformed_row', rows[2]],
      [4, 'malformed_row', rows[3]],
      [5, 'malformed_row', rows[4]],
      [6, 'unknown_type', rows[5]],
      [7, 'no_user', rows[6]],
    ]);
    expect(body.errors[0].message).toBe('The row has 4 fields, the header 5.');
    expect(body.errors[1].message).toMatch(/^Column timestamp: .* ISO 8601/);
    expect(body.errors[2].message).toMatch(/^Column properties.n: .* number/);
    expect((await rejectedOf(db, source)).map(({ raw }) => raw.toString())).toEqual(rows.slice(2, 7));
  });

  test('of the same file with other columns are other events', async () => {
    const file = 'id,Mail\n1,a@example.com\n';
    expect((await send(file, { type: 'identify' })).body).toMatchObject({ appended: 1 });
    expect((await send(file, { type: 'identify' })).body).toMatchObject({ appended: 0, duplicates: 1 });
    const mapped = await send(file, { type: 'identify', map: 'Mail:traits.email' });
    expect(mapped.body).toMatchObject({ appended: 1, rejected: 0 });
  });
});

describe('people added by hand', () => {
  test('are known by id; every other column is a trait', async () => {
    const file = 'id,Email,First Name,name,created_at\n7,ann@example.com,Ann,Ann Lee,1700000000\n';
    expect((await send(file, { type: 'identify' })).body).toMatchObject({ appended: 1 });
    const [event] = await archived();
    expect(event).toMatchObject({ type: 'identify', userId: '7' });
    expect(JSON.parse(rawText(event!))).toEqual({
      type: 'identify',
      userId: '7',
      traits: { Email: 'ann@example.com', 'First Name': 'Ann', name: 'Ann Lee', created_at: '1700000000' },
    });
  });

  test('are known by email when they have no id', async () => {
    await send('email,plan\nann@example.com,gold\n,none\n', { type: 'identify' });
    const events = await archived();
    expect(events.map((event) => JSON.parse(rawText(event)))).toEqual([
      { type: 'identify', userId: 'ann@example.com', traits: { email: 'ann@example.com', plan: 'gold' } },
    ]);
    expect((await rejectedOf(db, source)).map(({ code }) => code)).toEqual(['no_user']);
  });

  test('may have any column names, also those that JavaScript reserves', async () => {
    await send('id,__proto__,constructor\n1,a,b\n', { type: 'identify' });
    expect(rawText((await archived())[0]!)).toBe(
      '{"userId":"1","traits":{"__proto__":"a","constructor":"b"},"type":"identify"}',
    );
  });
});

describe('a file is refused whose header or map gives no events', () => {
  test.each([
    [
      'a column nobody knows',
      'type,userId,Totl\n',
      {},
      /Column Totl is not known.*map=Totl:properties.totl.*map=Totl:-/,
    ],
    ['a column that is nearly known', 'type,usrId\n', {}, /Did you mean userId/],
    ['no type', 'userId,event\n', {}, /type=identify/],
    ['no user', 'type,event\n', {}, /names a user.*map=Customer:userId/],
    ['a column without a name', 'type,userId,\n', {}, /Column 3 of the header has no name/],
    ['a column that stands twice', 'type,userId,userId\n', {}, /userId stands twice/],
    ['two columns for one field', 'type,userId,user_id\n', {}, /Two columns go to userId/],
    ['a path through another', 'type,userId,traits.a,traits.a.b\n', {}, /Two columns go to traits.a/],
    [
      'a map of a column that is not there',
      'type,userId,Mail\n',
      { map: 'Mial:traits.email' },
      /no column Mial. Did you mean Mail/,
    ],
    ['a map to nowhere', 'type,userId,Mail\n', { map: 'Mail:email' }, /"email" is no place in an event/],
    ['a map that is none', 'type,userId,Mail\n', { map: 'Mail' }, /column:place/],
    [
      'more columns than a table has',
      `type,userId${',x'.repeat(200_000)}\n`,
      {},
      /200002 columns, at most 1000/,
    ],
    ['a column with a name without end', `type,userId,${'x'.repeat(500_000)}\n`, {}, /^.{300,600}$/],
    ['line breaks of another time', 'type,userId,event\rtrack,u,a\r', {}, /Column event/],
    ['a quote that is not closed', 'type,"userId\na,b\n', {}, /nothing closes/],
  ])('%s', async (_, header, query, detail) => {
    const refused = await send(`${header}track,u,a\n`, query);
    expect(refused.body).toMatchObject({ code: 'unreadable_file', detail: expect.stringMatching(detail) });
    expect((await api.call('GET', `/api/imports?sourceId=${source}`)).body.data).toEqual([]);
  });
});

test('a quote that is never closed fails the import where it stands; the mended file goes on from there', async () => {
  const rows = Array.from({ length: 30_000 }, (_, number) => `track,u-${number},"Seen",${'x'.repeat(60)}`);
  const file = (broken: string) =>
    ['type,userId,event,properties.x', ...rows.slice(0, 2_000), broken, ...rows.slice(2_000)].join('\n');
  const failed = await send(file('track,u,"Seen,x').replaceAll('"Seen"', 'Seen'));
  expect(failed.body).toMatchObject({ status: 422, code: 'unreadable_file', line: 2_002 });
  const { importId } = failed.body;
  const shown = (await api.call('GET', `/api/imports/${importId}`)).body;
  expect(shown).toMatchObject({ status: 'failed', appended: 2_000, failure: { line: 2_002 }, endedAt: null });
  const mended = file('track,u,"Seen",x').replaceAll('"Seen"', 'Seen');
  const resumed = await upload(api.url, `/api/imports/${importId}/resume`, mended);
  expect(resumed).toMatchObject({
    status: 200,
    body: { status: 'completed', failure: null, appended: 30_001, rejected: 0 },
  });
});
