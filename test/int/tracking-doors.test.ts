import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { credentials } from '../support/track-api.ts';
import { archivedOf, basic, newKey, rejectedOf, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const { host } = new URL(url);
const get = (path: string, headers: Record<string, string> = {}, at = url) =>
  send(at + path, { method: 'GET', headers });
const parsed = (body: string) => JSON.parse(body) as Record<string, unknown>;
const event = '{"type":"track","event":"e","userId":"u"}';

test.each([
  '/batch',
  '/b/',
  '/track',
  '/t',
  '/import/',
  '/v1/v1/batch',
  '/v1/v1/p/',
  '//v1/batch',
  '/v1//batch',
  '/v1//v1/batch',
  '//v1//import/',
])(
  '%s is what a client makes of a base address without /v1, with one too many, or with a slash at its end',
  async (path) => {
    const { sourceId, writeKey } = await newKey(db);
    const body = /b|import/.test(path.slice(-7)) ? `{"batch":[${event}]}` : event;
    const answer = await send(url + path, { headers: { authorization: basic(writeKey) }, body });
    expect(answer).toMatchObject({ status: 200, body: '{"success":true}' });
    expect(await archivedOf(db, sourceId)).toHaveLength(1);
  },
);

test('a slash at the end of the Track API’s base address does no harm', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const headers = { authorization: credentials('site', writeKey) };
  const body = '{"name":"e"}';
  expect((await send(`${url}//api/v1/customers/5/events`, { headers, body })).status).toBe(200);
  expect(await archivedOf(db, sourceId)).toMatchObject([{ userId: '5' }]);
});

test.each(['/v1', '/v1/', '/v1/unknown', '/v1/batch/x', '/v1/Track', '/v1/constructor', '/v1/pixel'])(
  '%s is told that nothing is there, in a way that a page may read',
  async (path) => {
    const answer = await send(url + path, { headers: { origin: 'https://shop.example' }, body: event });
    expect(answer.status).toBe(404);
    expect(parsed(answer.body)).toMatchObject({ code: 'unknown_address' });
    expect(answer.headers['access-control-allow-origin']).toBe('https://shop.example');
  },
);

test('clients’ figures about themselves are taken, whatever they are', async () => {
  for (const path of ['/v1/m', '/v1/m/', '/m']) {
    expect(await send(url + path, { body: 'not even JSON' })).toMatchObject({
      status: 200,
      body: '{"success":true}',
    });
  }
});

describe('browser settings', () => {
  test('name this address under the name that each client looks for', async () => {
    const { writeKey } = await newKey(db);
    for (const path of [`/v1/projects/${writeKey}/settings`, `/projects/${writeKey}/settings/`]) {
      const answer = await get(path, { origin: 'https://shop.example' });
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        'content-type': 'application/json',
        'access-control-allow-origin': 'https://shop.example',
        'cache-control': 'public, max-age=120',
      });
      const sending = expect.objectContaining({ apiKey: writeKey, apiHost: `${host}/v1`, protocol: 'http' });
      expect(parsed(answer.body)).toMatchObject({
        integrations: { 'Segment.io': sending, 'Customer.io Data Pipelines': sending },
        metrics: { sampleRate: 0 },
      });
    }
  });

  test('know of https from the proxy, and of an address that the operator names', async () => {
    const { writeKey } = await newKey(db);
    const apiOf = async (at: string, headers: Record<string, string>) => {
      const { integrations } = parsed((await get(`/v1/projects/${writeKey}/settings`, headers, at)).body);
      const { apiHost, protocol } = (integrations as Record<string, Record<string, string>>)['Segment.io']!;
      return `${protocol}://${apiHost}`;
    };
    const secure = { host: 'events.example', 'x-forwarded-proto': 'https, http' };
    expect(await apiOf(url, secure)).toBe('https://events.example/v1');
    expect(await apiOf(url, { host: 'events.example', 'x-forwarded-proto': 'gopher' })).toBe(
      'http://events.example/v1',
    );
    for (const publicUrl of ['https://in.example/e', 'https://in.example/e/', 'https://in.example/e/v1/']) {
      const named = await trackingServer({ db, publicUrl });
      expect(await apiOf(named.url, { host: 'inside' })).toBe('https://in.example/e/v1');
    }
  });

  test('are refused for a key that is none', async () => {
    for (const key of ['nobody', '%ff', '%00', 'x'.repeat(500)]) {
      const answer = await get(`/v1/projects/${key}/settings`, { origin: 'https://shop.example' });
      expect(answer.status).toBe(401);
      expect(parsed(answer.body)).toMatchObject({ code: 'write_key_unknown' });
      expect(answer.headers['access-control-allow-origin']).toBe('https://shop.example');
    }
  });
});

describe('source configuration', () => {
  test('is found by a key in the header or in the address', async () => {
    const { sourceId, writeKey } = await newKey(db);
    for (const [path, headers] of [
      ['/sourceConfig/?p=web&v=3.0.0', { authorization: basic(writeKey) }],
      [`/sourceConfig/?p=web&writeKey=${writeKey}`, {}],
      [`/sourceConfig?writeKey=nobody`, { authorization: basic(writeKey) }],
    ] as const) {
      const answer = await get(path, headers);
      expect(answer.status).toBe(200);
      expect(parsed(answer.body)).toEqual({
        source: {
          id: sourceId,
          name: 'test',
          writeKey,
          enabled: true,
          workspaceId: expect.any(String),
          config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
          connections: [],
          destinations: [],
          dataplanes: {},
        },
        updatedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      });
    }
  });

  test('is refused without a key and for one that is none', async () => {
    const codeOf = async (path: string) => {
      const answer = await get(path);
      expect(answer.status).toBe(401);
      return parsed(answer.body)['code'];
    };
    expect(await codeOf('/sourceConfig/')).toBe('write_key_missing');
    expect(await codeOf('/sourceConfig/?writeKey=nobody')).toBe('write_key_unknown');
  });
});

describe('pixel', () => {
  const image = async (path: string, headers: Record<string, string> = {}, at = url) => {
    const answer = await get(path, headers, at);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'content-type': 'image/gif', 'content-length': '42' });
    expect(answer.headers['cache-control']).toBe('no-store');
  };

  test('brings an event in base64 of either alphabet, its + escaped or not', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const ways = [
      (text: string) => encodeURIComponent(Buffer.from(text).toString('base64')),
      (text: string) => Buffer.from(text).toString('base64'),
      (text: string) => Buffer.from(text).toString('base64url'),
    ];
    const bodies: string[] = [];
    for (const [index, way] of ways.entries()) {
      for (const text of ['~~~>>>???', 'ÿÿÿ', 'plain']) {
        const body = JSON.stringify({ writeKey, event: text, userId: 'u', messageId: `${text} ${index}` });
        bodies.push(body);
        await image(`/v1/pixel/track?data=${way(body)}`);
      }
    }
    const archived = await archivedOf(db, sourceId);
    expect(archived.map(rawText)).toEqual(bodies);
    expect(archived.every(({ type }) => type === 'track')).toBe(true);
  });

  test('knows its source by the header, too, and its type by its address', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const data = Buffer.from('{"anonymousId":"a"}').toString('base64url');
    await image(`/v1/pixel/page/?data=${data}`, { authorization: basic(writeKey) });
    expect(await archivedOf(db, sourceId)).toMatchObject([{ type: 'page', anonymousId: 'a' }]);
  });

  test('is an image whatever it says it is, and an event only as one of the six types', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const data = Buffer.from(JSON.stringify({ writeKey, userId: 'u', event: 'e', batch: [] })).toString(
      'base64url',
    );
    for (const call of ['batch', 't', 'foo', 'constructor', 'track/more', '', '%ff', 'TRACK'])
      await image(`/v1/pixel/${call}?data=${data}`);
    expect(await archivedOf(db, sourceId)).toEqual([]);
    expect(await rejectedOf(db, sourceId)).toEqual([]);
  });

  test('is an image whatever it brings', async () => {
    const { sourceId, writeKey } = await newKey(db);
    const nobody = Buffer.from('{"userId":"u"}').toString('base64url');
    for (const query of ['', '?data=', '?data=%%%', '?data=!!!', `?data=${nobody}`, '?x=1'])
      await image(`/v1/pixel/track${query}`);
    const nameless = Buffer.from(JSON.stringify({ writeKey, userId: 'u' })).toString('base64url');
    await image(`/v1/pixel/track?data=${nameless}`);
    expect(await rejectedOf(db, sourceId)).toMatchObject([{ code: 'track_without_event' }]);
    const away = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', name: 'away' });
    const { url: troubled } = await trackingServer({ db: away });
    await image(`/v1/pixel/track?data=${nameless}`, {}, troubled);
    await away.close();
  });
});

test('each address takes its own methods, and says which', async () => {
  for (const [path, method, allow] of [
    ['/v1/track', 'GET', 'POST, OPTIONS'],
    ['/v1/m', 'GET', 'POST, OPTIONS'],
    ['/v1/pixel/track', 'POST', 'GET, HEAD, OPTIONS'],
    ['/v1/projects/k/settings', 'DELETE', 'GET, HEAD, OPTIONS'],
    ['/sourceConfig/', 'POST', 'GET, HEAD, OPTIONS'],
  ] as const) {
    const answer = await send(url + path, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
    expect(parsed(answer.body)).toMatchObject({ code: 'method_not_allowed' });
    const preflight = await send(url + path, {
      method: 'OPTIONS',
      headers: { origin: 'https://shop.example', 'access-control-request-headers': 'authorization' },
    });
    expect(preflight.status).toBe(200);
    expect(preflight.headers['access-control-allow-methods']).toBe('GET, POST, OPTIONS');
  }
  const { writeKey } = await newKey(db);
  const head = await send(`${url}/v1/projects/${writeKey}/settings`, { method: 'HEAD' });
  expect(head).toMatchObject({ status: 200, body: '' });
  expect(Number(head.headers['content-length'])).toBeGreaterThan(100);
});
