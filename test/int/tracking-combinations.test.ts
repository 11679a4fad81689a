import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { EventType } from '../../src/core/event.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import {
  archivedOf,
  basic,
  completedOf,
  newKey,
  rejectedOf,
  send,
  trackingServer,
  type Answer,
} from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const origin = 'https://shop.example';

const encodings: [string, string | null, (body: string) => Buffer][] = [
  ['no encoding', null, (body) => Buffer.from(body)],
  ['gzip', 'gzip', (body) => gzipSync(body)],
  ['deflate', 'deflate', (body) => deflateSync(body)],
  ['br', 'br', (body) => brotliCompressSync(body)],
];
/** Other spellings of the same, and data that is not as the standard has it. */
const oddEncodings: typeof encodings = [
  ['identity', 'identity', (body) => Buffer.from(body)],
  ['x-gzip', 'x-gzip', (body) => gzipSync(body)],
  ['GZIP', ' GZIP ', (body) => gzipSync(body)],
  ['bare deflate', 'deflate', (body) => deflateRawSync(body)],
];
const contentTypes = [
  'application/json',
  'application/json; charset=utf-8',
  'text/plain;charset=UTF-8',
  'application/x-www-form-urlencoded',
  null,
];

const names: Readonly<Record<string, EventType | 'batch'>> = {
  identify: 'identify',
  track: 'track',
  page: 'page',
  screen: 'screen',
  group: 'group',
  alias: 'alias',
  i: 'identify',
  t: 'track',
  p: 'page',
  s: 'screen',
  g: 'group',
  a: 'alias',
  batch: 'batch',
  b: 'batch',
  import: 'batch',
};
const forms: ((name: string) => string)[] = [
  (name) => `/v1/${name}`,
  (name) => `/v1/${name}/`,
  (name) => `/${name}`,
  (name) => `/v1/v1/${name}/`,
  (name) => `/v1/${name}/?_=1`,
];
interface Address {
  readonly path: string;
  readonly call: EventType | 'batch';
}
const addressesOf = (some: typeof forms): Address[] =>
  Object.entries(names).flatMap(([name, call]) => some.map((form) => ({ path: form(name), call })));

interface KeyPlace {
  readonly authorization: (key: string) => string | null;
  readonly inBody: boolean;
}
const keyPlaces: Readonly<Record<string, KeyPlace>> = {
  'in the header': { authorization: basic, inBody: false },
  'in the body': { authorization: () => null, inBody: true },
  'in both': { authorization: basic, inBody: true },
  'in the body, beside a bearer token': { authorization: () => 'Bearer c29tZTp0b2tlbg==', inBody: true },
  'in the body, beside an empty user': { authorization: () => basic(''), inBody: true },
};

interface Sending {
  readonly named: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  /** What the archive has to hold of it, by its messageId. */
  readonly kept: { readonly messageId: string; readonly raw: string; readonly type: EventType };
}

/** One request per place of the key and address, all in one encoding and content type. */
function sendings(
  [encodingName, encoding, encode]: (typeof encodings)[number],
  contentType: string | null,
  key: string,
  addresses = addressesOf(forms),
): Sending[] {
  return Object.entries(keyPlaces).flatMap(([place, { authorization, inBody }]) =>
    addresses.map(({ path, call }) => {
      const messageId = `${place} ${path}`;
      const keyMember = inBody ? `"writeKey" : "${key}", ` : '';
      const event = `"event":"é😀","userId":"u","previousId":"p","groupId":7 ,"messageId":"${messageId}"`;
      const raw = call === 'batch' ? `{"type":"page",${event}}` : `{${keyMember}${event} }`;
      const body = call === 'batch' ? `{${keyMember}"batch":[ ${raw} ]}` : raw;
      const header = authorization(key);
      return {
        named: `${encodingName}, ${contentType}, key ${place}, ${path}`,
        path,
        headers: {
          origin,
          ...(contentType === null ? {} : { 'content-type': contentType }),
          ...(encoding === null ? {} : { 'content-encoding': encoding }),
          ...(header === null ? {} : { authorization: header }),
        },
        body: encode(body),
        kept: { messageId, raw, type: call === 'batch' ? 'page' : call },
      };
    }),
  );
}

/** Sends all, some at once, and gives the answers in the same order. */
async function sendAll(list: readonly Sending[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let at = 0; at < list.length; at += 50) {
    const some = list.slice(at, at + 50);
    answers.push(
      ...(await Promise.all(some.map(({ path, headers, body }) => send(url + path, { headers, body })))),
    );
  }
  return answers;
}

const byMessageId = (left: { messageId: string }, right: { messageId: string }) =>
  left.messageId < right.messageId ? -1 : 1;

test.each(
  encodings.flatMap((encoding) => contentTypes.map((type) => [encoding[0], type, encoding] as const)),
)(
  '%s as %s: taken with the key in every place, at every form of address',
  async (_, contentType, encoding) => {
    const { sourceId, writeKey } = await newKey(db);
    const list = sendings(encoding, contentType, writeKey);
    for (const [index, answer] of (await sendAll(list)).entries()) {
      const { status, body, headers } = answer;
      expect({ status, body }, list[index]!.named).toEqual({ status: 200, body: '{"success":true}' });
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'access-control-allow-origin': origin,
      });
    }
    const archived = (await archivedOf(db, sourceId)).map((event) => {
      const { messageId, type } = event;
      expect(completedOf(event)).toMatchObject({ messageId, type });
      expect(completedOf(event)).not.toHaveProperty('writeKey');
      return { messageId, raw: rawText(event), type };
    });
    expect(archived.sort(byMessageId)).toEqual(list.map(({ kept }) => kept).sort(byMessageId));
    expect(await rejectedOf(db, sourceId)).toEqual([]);
  },
);

test.each(
  encodings.flatMap((encoding) => contentTypes.map((type) => [encoding[0], type, encoding] as const)),
)('%s as %s: refused in every place of a key that is none', async (_, contentType, encoding) => {
  const list = sendings(encoding, contentType, 'nobody', addressesOf(forms.slice(0, 1)));
  for (const [index, answer] of (await sendAll(list)).entries()) {
    expect(answer.status, list[index]!.named).toBe(401);
    expect(answer.headers['access-control-allow-origin']).toBe(origin);
    expect(JSON.parse(answer.body)).toEqual({
      code: 'write_key_unknown',
      message: expect.stringMatching(/.{10}/) as string,
    });
  }
});

test.each(oddEncodings)('%s is taken at every form of address, too', async (...encoding) => {
  const { sourceId, writeKey } = await newKey(db);
  const list = sendings(encoding, 'text/plain', writeKey);
  const statuses = new Set((await sendAll(list)).map(({ status }) => status));
  expect([...statuses]).toEqual([200]);
  const archived = (await archivedOf(db, sourceId)).map(rawText).sort();
  expect(archived).toEqual(list.map(({ kept }) => kept.raw).sort());
});

test('the two places of a key in an address are looked at, too', async () => {
  const { writeKey } = await newKey(db);
  const statusOf = async (path: string, key: string) =>
    (await send(url + path.replace('KEY', key), { method: 'GET', headers: { origin } })).status;
  for (const path of [
    '/v1/projects/KEY/settings',
    '/v1/projects/KEY/settings/',
    '/projects/KEY/settings',
    '/sourceConfig?writeKey=KEY',
    '/sourceConfig/?p=web&v=1.0.0&writeKey=KEY',
    '/analytics.js/v1/KEY/analytics.min.js',
  ]) {
    expect([await statusOf(path, writeKey), await statusOf(path, 'nobody')], path).toEqual([200, 401]);
  }
});
