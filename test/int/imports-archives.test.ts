import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, rawText } from '../support/events.ts';
import { archivedOf, completedOf } from '../support/tracking.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);

async function imported(lines: readonly string[]) {
  const source = await newSource(db);
  const { body } = await upload(
    api.url,
    `/api/imports?sourceId=${source}`,
    gzipSync(`${lines.join('\n')}\n`),
  );
  return { body, events: await archivedOf(db, source) };
}

// The forms follow the public specifications: full calls with the times and ids that Segment adds.
const segment = [
  '{"_metadata":{"bundled":["Segment.io"],"unbundled":[],"bundledIds":[]},"anonymousId":"507f191e810c19729de860ea","channel":"browser","context":{"ip":"8.8.8.8","library":{"name":"analytics.js","version":"2.11.1"},"page":{"path":"/academy/","url":"https://example.com/academy/"},"userAgent":"Mozilla/5.0"},"event":"Course Clicked","integrations":{},"messageId":"ajs-f8ca1e4de5024d9430b3928bd8ac6b96","originalTimestamp":"2015-12-12T19:11:01.266Z","projectId":"Zzft38QJhB","properties":{"title":"Intro to Analytics"},"receivedAt":"2015-12-12T19:11:01.969Z","sentAt":"2015-12-12T19:11:01.169Z","timestamp":"2015-12-12T19:11:02.066Z","type":"track","userId":"AiUGstSDIg","version":2,"writeKey":"a-write-key-of-theirs"}',
  '{"anonymousId":null,"channel":"server","context":{"library":{"name":"analytics-node","version":"6.2.0"}},"integrations":{"All":true,"Mixpanel":false},"messageId":"node-6.2.0-1","originalTimestamp":"2015-12-12T19:12:00.000Z","projectId":"Zzft38QJhB","receivedAt":"2015-12-12T19:12:00.500Z","sentAt":"2015-12-12T19:12:00.100Z","timestamp":"2015-12-12T19:12:00.400Z","traits":{"email":"peter@example.com","logins":5},"type":"identify","userId":"97980cfea0067","version":2}',
];

test("a file of Segment's S3 destination is taken as it is, with the times that Segment gave", async () => {
  const { body, events } = await imported(segment);
  expect(body).toMatchObject({ status: 'completed', appended: 2, rejected: 0 });
  expect(events.map(rawText)).toEqual(segment);
  expect(
    events.map(({ timestamp, receivedAt }) => [timestamp.toISOString(), receivedAt.toISOString()]),
  ).toEqual([
    ['2015-12-12T19:11:02.066Z', '2015-12-12T19:11:01.969Z'],
    ['2015-12-12T19:12:00.400Z', '2015-12-12T19:12:00.500Z'],
  ]);
  expect(events[0]).toMatchObject({
    messageId: 'ajs-f8ca1e4de5024d9430b3928bd8ac6b96',
    userId: 'AiUGstSDIg',
  });
  expect(events[1]?.integrations).toBe('{"All":true,"Mixpanel":false}');
  const { writeKey, ...rest } = JSON.parse(segment[0]!);
  expect(writeKey).toBe('a-write-key-of-theirs');
  expect(completedOf(events[0]!)).toEqual(rest); // their write key goes nowhere
});

const rudder = [
  '{"anonymousId":"e6ab2c5e-2cda-4db6-a4c2-6a0f2a4b8f10","channel":"web","context":{"app":{"name":"RudderLabs JavaScript SDK","namespace":"com.rudderlabs.javascript","version":"2.3.1"},"ip":"0.0.0.0","library":{"name":"RudderLabs JavaScript SDK","version":"2.3.1"},"sessionId":1664906197,"traits":{}},"event":"Product Viewed","integrations":{"All":true},"messageId":"1578564113557-af022c68-429e-4af4-b99b-2b9174056383","originalTimestamp":"2020-01-09T10:01:53.558Z","properties":{"price":19.90,"sku":"G-32"},"receivedAt":"2020-01-09T15:31:54.470+05:30","request_ip":"[::1]:54231","rudderId":"8f8fa6b5-8e24-489c-8e22-61f23f2e364f","sentAt":"2020-01-09T10:01:53.558Z","timestamp":"2020-01-09T15:31:53.912+05:30","type":"track","userId":""}',
];

test('a file of RudderStack is taken as it is: rudderId, channel and its zone stay', async () => {
  const { body, events } = await imported(rudder);
  expect(body).toMatchObject({ appended: 1, rejected: 0 });
  expect(events.map(rawText)).toEqual(rudder);
  expect(events[0]).toMatchObject({ userId: null, anonymousId: 'e6ab2c5e-2cda-4db6-a4c2-6a0f2a4b8f10' });
  expect(events[0]?.timestamp.toISOString()).toBe('2020-01-09T10:01:53.912Z');
  expect(events[0]?.receivedAt.toISOString()).toBe('2020-01-09T10:01:54.470Z');
});

test("a line of RudderStack's archiver is its payload; without receivedAt it came when the archiver says", async () => {
  const bare = '{"type":"track","userId":"u-9","event":"Bare", "messageId":"m-9","n":1.0}';
  const lines = [
    `{"userId":"<<>>e6ab2c5e<<>>","payload":${rudder[0]},"createdAt":"2020-01-09T10:01:54.6Z","messageId":"1578564113557-af022c68-429e-4af4-b99b-2b9174056383"}`,
    `{"userId":"u-9","payload":${bare},"createdAt":"2020-01-09T10:02:00Z","messageId":"m-9"}`,
    '{"userId":"u-9","payload":{"event":"no type"},"createdAt":"2020-01-09T10:02:00Z","messageId":"m-10"}',
  ];
  const { body, events } = await imported(lines);
  expect(body).toMatchObject({ appended: 2, rejected: 1, errors: [{ line: 3, code: 'unknown_type' }] });
  expect(events.map(rawText)).toEqual([rudder[0], bare]);
  expect(events[1]?.receivedAt.toISOString()).toBe('2020-01-09T10:02:00.000Z');
  expect(events[1]?.timestamp.toISOString()).toBe('2020-01-09T10:02:00.000Z');
});
