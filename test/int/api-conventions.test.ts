import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { adminToken, answered, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

const api = await testApi(await testDatabase());
const bearer = { authorization: `Bearer ${adminToken}` };

const fetched = async (path: string, init: RequestInit = {}) =>
  await answered(await fetch(api.url + path, init));

describe('the token', () => {
  test.each([
    ['none', {}],
    ['another one', { authorization: 'Bearer not-the-token-of-this-server' }],
    ['a prefix', { authorization: `Bearer ${adminToken.slice(0, -1)}` }],
    ['a longer one', { authorization: `Bearer ${adminToken}x` }],
    ['another scheme', { authorization: `Basic ${Buffer.from(`${adminToken}:`).toString('base64')}` }],
    ['an empty one', { authorization: 'Bearer ' }],
  ])('%s is refused, on every path below /api, known or not', async (_, headers) => {
    for (const path of ['/api/sources', `/api/replays/${randomUUID()}`, '/api/nothing-here']) {
      const refused = await fetched(path, { headers });
      expect(refused.status).toBe(401);
      expect(refused.body.code).toBe('unauthorized');
      expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer realm="reprise"/);
    }
  });

  test('opens the door, whatever the case of the scheme', async () => {
    expect(
      (await fetched('/api/sources', { headers: { authorization: `bearer ${adminToken}` } })).status,
    ).toBe(200);
  });
});

describe('refusals', () => {
  test('are problem documents with code, detail and the id of the request', async () => {
    const refused = await fetched('/api/nothing-here', { headers: { ...bearer, 'x-request-id': 'my-id.1' } });
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(refused.headers.get('x-request-id')).toBe('my-id.1');
    expect(refused.body).toEqual({
      type: '/docs/errors/not_found',
      title: expect.any(String),
      status: 404,
      code: 'not_found',
      detail: expect.stringContaining('/api/nothing-here'),
      requestId: 'my-id.1',
    });
  });

  test('a request id that could forge a log line is replaced', async () => {
    const answer = await fetched('/api/sources', { headers: { ...bearer, 'x-request-id': 'a b' } });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('an id that is none leads nowhere', async () => {
    for (const path of ['/api/sources/7', '/api/replays/x', "/api/destinations/'--", '/api/sources/%ff']) {
      expect((await fetched(path, { headers: bearer })).body).toMatchObject({
        status: 404,
        code: 'not_found',
      });
    }
  });

  test('another method is told which ones there are', async () => {
    const refused = await fetched('/api/sources', { method: 'PUT', headers: bearer });
    expect(refused.body).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(refused.headers.get('allow')).toBe('POST, GET, HEAD');
    expect((await fetched('/healthz', { method: 'DELETE' })).status).toBe(405);
  });

  test('a query parameter that is not known is refused with the nearest name', async () => {
    const refused = await api.call('GET', '/api/sources?limti=3');
    expect(refused.body).toMatchObject({ status: 400, code: 'invalid_query' });
    expect(refused.body.errors).toEqual([
      { parameter: 'limti', detail: expect.stringContaining('Did you mean "limit"?') },
    ]);
    expect((await api.call('GET', `/api/sources/${randomUUID()}?x=1`)).body.code).toBe('invalid_query');
  });

  test.each(['limit=0', 'limit=201', 'limit=a', 'limit=', 'limit=1&limit=2', 'cursor=', 'cursor=xxx'])(
    '?%s is refused',
    async (query) => {
      expect((await api.call('GET', `/api/sources?${query}`)).body).toMatchObject({
        status: 400,
        code: 'invalid_query',
      });
    },
  );

  test('a cursor is good for its own list only', async () => {
    for (const name of ['a', 'b']) await api.call('POST', '/api/sources', { name });
    const { nextCursor } = (await api.call('GET', '/api/sources?limit=1')).body;
    expect((await api.call('GET', `/api/sources?cursor=${nextCursor}`)).status).toBe(200);
    expect((await api.call('GET', `/api/destinations?cursor=${nextCursor}`)).body.code).toBe('invalid_query');
  });
});

describe('headers and log', () => {
  test('answers are not cached, not sniffed and say nothing of the software', async () => {
    const answer = await fetched('/api/sources', { headers: bearer });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'none'");
    expect(answer.headers.get('x-powered-by')).toBeNull();
  });

  test('a request is one line with its id and path, without token, query and body', async () => {
    const canary = `canary-${randomUUID()}`;
    const answer = await api.call('GET', `/api/events?user=${canary}`);
    await api.call('POST', '/api/sources', { name: canary });
    const lines = api.log().split('\n');
    const line = lines.find((one) => one.includes(answer.headers.get('x-request-id') ?? 'none'));
    expect(JSON.parse(line ?? '')).toMatchObject({
      req: { method: 'GET', path: '/api/events' },
      res: { status: 200 },
    });
    expect(api.log()).not.toContain(canary);
    expect(api.log()).not.toContain(adminToken);
  });

  test('a trace that the caller names comes back and is in the line; one that is none does not', async () => {
    const traceId = 'aaf7651916cd43dd8448eb211c80319c';
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    const answer = await api.call('GET', '/api/sources', undefined, { traceparent });
    expect(answer.headers.get('traceparent')).toBe(traceparent);
    const id = answer.headers.get('x-request-id') ?? 'none';
    const line =
      api
        .log()
        .split('\n')
        .find((one) => one.includes(id)) ?? '';
    expect(JSON.parse(line)).toMatchObject({ traceId, res: { token: 'environment' } });
    for (const bad of [
      'x',
      `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
      `ff-${traceId}-b7ad6b7169203331-01`,
    ]) {
      const other = await api.call('GET', '/api/sources', undefined, { traceparent: bad });
      expect(other.headers.get('traceparent')).toBeNull();
    }
  });
});

describe('the rate of a token', async () => {
  const limited = await testApi(api.deps.db, { requestsPerSecond: 3 });

  test('is told by every answer, and beyond it is 429 until it fills again; other tokens have their own', async () => {
    const { token } = (await api.call('POST', '/api/tokens', { name: 'fast', role: 'viewer' })).body;
    const ask = () => limited.call('GET', '/api/sources', undefined, { authorization: `Bearer ${token}` });
    const first = await ask();
    expect(first.headers.get('ratelimit-policy')).toBe('"token";q=6;w=2');
    expect(first.headers.get('ratelimit')).toBe('"token";r=5;t=1');
    const many = await Promise.all(Array.from({ length: 40 }, ask));
    const refused = many.filter((one) => one.status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]!.body).toMatchObject({ code: 'too_many_requests', requestId: expect.any(String) });
    expect(refused[0]!.headers.get('retry-after')).toBe('1');
    expect((await limited.call('GET', '/api/sources')).status).toBe(200);
    await until(
      'it fills again',
      async () => (await ask()).status,
      (status) => status === 200,
      { everyMs: 400 },
    );
  });

  test('is unlimited where it is 0', async () => {
    expect((await api.call('GET', '/api/sources')).headers.get('ratelimit')).toBeNull();
  });
});

describe('a name that shows nothing', () => {
  const webhook = { type: 'webhook', settings: { url: 'https://example.com/hook' } };
  test.each([
    ['/api/sources', 'name', {}],
    ['/api/tokens', 'name', { role: 'viewer' }],
    ['/api/destinations', 'name', webhook],
    ['/api/notifications', 'name', { url: 'https://example.com/hook' }],
    ['/api/replays', 'label', { destinationId: randomUUID() }],
    ['/api/replays', 'labels', { destinationId: randomUUID() }],
  ])('is refused: POST %s, %s', async (path, field, more) => {
    for (const blank of ['', ' ', '\t\n', '\u00A0\u2003']) {
      const value = field === 'labels' ? [blank] : blank;
      const refused = await api.call('POST', path, { ...more, [field]: value });
      expect(refused, JSON.stringify(blank)).toMatchObject({
        status: 422,
        body: { code: 'invalid_body', errors: [{ pointer: field === 'labels' ? '/labels/0' : `/${field}` }] },
      });
    }
  });
});
