import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { eventOfText, newSource, trackEvent } from '../support/events.ts';

const db = await testDatabase();
const api = await testApi(db);
const [shop, app] = [await newSource(db), await newSource(db)];

async function pages(query: string): Promise<{ position: number; name: string; messageId: string }[]> {
  const seen = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page = await api.call('GET', `/api/events?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    expect(page.status).toBe(200);
    seen.push(...page.body.data);
    cursor = page.body.nextCursor;
  }
  return seen;
}

describe('the list', () => {
  test('of an empty archive is empty', async () => {
    expect((await api.call('GET', '/api/events')).body).toEqual({
      data: [],
      nextCursor: null,
      searchedThrough: null,
      keptFrom: { position: 1, receivedAt: null },
    });
  });

  test('shows the newest first, page after page, without skip or repeat', async () => {
    const events = Array.from({ length: 25 }, (_, index) => trackEvent(shop, { event: `E${index}` }));
    const { head } = await appendEvents(db, events);
    const seen = await pages('limit=10');
    const positions = seen.map((event) => event.position);
    expect(positions[0]).toBe(head);
    expect(positions).toEqual(positions.toSorted((a, b) => b - a));
    expect(new Set(positions).size).toBe(25);
  });

  test('is filtered by type, name, user, source and messageId', async () => {
    const messageId = randomUUID();
    await appendEvents(db, [
      trackEvent(app, { event: 'Order Completed', userId: 'u-1', messageId }),
      trackEvent(app, { event: 'Order Completed', userId: undefined, anonymousId: 'u-1' }),
      eventOfText(app, `{"type":"page","name":"Home","anonymousId":"u-2","messageId":"m-${messageId}"}`),
    ]);
    expect(await pages('name=Order%20Completed&limit=1')).toHaveLength(2);
    expect(await pages('user=u-1')).toHaveLength(2);
    expect(await pages(`source=${app}`)).toHaveLength(3);
    expect(await pages('type=page')).toMatchObject([{ name: 'Home' }]);
    expect(await pages(`messageId=${messageId}`)).toMatchObject([{ messageId }]);
    expect(await pages(`source=${app}&type=track&user=u-2`)).toEqual([]);
    expect((await api.call('GET', '/api/events?type=click')).body.errors[0].parameter).toBe('type');
    expect((await api.call('GET', '/api/events?user=a%00b')).body.data).toEqual([]);
  });
});

describe('the filters of the list', () => {
  test('take several values, times and the order', async () => {
    const messageId = `several-${randomUUID()}`;
    const at = (hour: number) => ({ receivedAt: new Date(Date.UTC(2025, 0, 1, hour)) });
    const imported = { ...at(3), origin: 'import', live: false } as const;
    await appendEvents(db, [
      trackEvent(shop, { event: 'A', userId: 's-1', messageId: `${messageId}-1` }, at(1)),
      trackEvent(app, { event: 'B', userId: 's-2', messageId: `${messageId}-2` }, at(2)),
      eventOfText(
        app,
        `{"type":"page","name":"C","userId":"s-3","messageId":"${messageId}-3","timestamp":"2024-06-01T00:00:00Z"}`,
        imported,
      ),
    ]);
    const namesOf = async (query: string) => (await pages(query)).map(({ name }) => name);
    const of = `messageIdPrefix=${messageId}`;
    expect(await namesOf(of)).toEqual(['C', 'B', 'A']);
    expect(await namesOf(`${of}&order=oldest&limit=1`)).toEqual(['A', 'B', 'C']);
    expect(await namesOf(`${of}&name=A&name=C&type=track&type=page`)).toEqual(['C', 'A']);
    expect(await namesOf(`${of}&user=s-1&user=s-2`)).toEqual(['B', 'A']);
    expect(await namesOf(`${of}&source=${app.toUpperCase()}&source=${randomUUID()}`)).toEqual(['C', 'B']);
    expect(await namesOf(`${of}&origin=import`)).toEqual(['C']);
    expect(await namesOf(`${of}&origin=import&origin=tracking_api`)).toEqual(['C', 'B', 'A']);
    expect(await namesOf(`${of}&from=2025-01-01T02:00:00Z&to=2025-01-01T03:00:00.000Z`)).toEqual(['B']);
    expect(await namesOf(`${of}&by=event&to=2024-12-31T00:00:00%2B02:00`)).toEqual(['C']);
    expect(await namesOf(`messageId=${messageId}-2`)).toEqual(['B']);
  });

  test.each([
    ['type=track&type=click', 'type', /track/],
    ['user=', 'user', /at least 1/],
    ['source=shop', 'source', /UUID/],
    ['origin=file', 'origin', /import/],
    ['from=yesterday', 'from', /RFC 3339/],
    ['from=2025-01-02T00:00:00Z&to=2025-01-02T00:00:00Z', 'from', /before/],
    ['by=sent', 'by', /received/],
    ['order=up', 'order', /newest/],
    [Array.from({ length: 21 }, (_, index) => `name=${index}`).join('&'), 'name', /20/],
    ['names=A', 'names', /Did you mean "name"/],
    ['messageId=a&messageId=b', 'messageId', /text/],
  ])('%s is refused by the parameter’s name, with a remedy', async (query, parameter, remedy) => {
    const { status, body } = await api.call('GET', `/api/events?${query}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid_query', errors: [{ parameter }] });
    expect(body.errors[0].detail).toMatch(remedy);
  });

  test('a cursor goes on in its own order only', async () => {
    const { body } = await api.call('GET', '/api/events?limit=1');
    const refused = await api.call('GET', `/api/events?order=oldest&cursor=${body.nextCursor}`);
    expect(refused.body).toMatchObject({ status: 400, errors: [{ parameter: 'cursor' }] });
  });
});

describe('one event', () => {
  const raw =
    '{"type":"track", "event":"Exact","userId":"u-9","messageId":"exact-1","timestamp":"2026-01-02T03:04:05Z","properties":{"big":9007199254740993,"huge":1e400,"money":25.00}}';

  test('is read by position and by messageId, as it was sent and as it is delivered, number by number', async () => {
    const { head } = await appendEvents(db, [eventOfText(shop, raw)]);
    const byPosition = await api.call('GET', `/api/events/${head}`);
    expect(byPosition.body).toMatchObject({
      position: head,
      sourceId: shop,
      name: 'Exact',
      messageId: 'exact-1',
      raw,
    });
    expect(byPosition.body.event).toMatchObject({ event: 'Exact', userId: 'u-9' });
    const completed = byPosition.text.slice(byPosition.text.indexOf(',"event":{'));
    expect(completed).toContain('"properties":{"big":9007199254740993,"huge":1e400,"money":25.00}');
    expect((await api.call('GET', '/api/events/exact-1')).text).toBe(byPosition.text);
  });

  test('of a messageId that two sources used is the newest', async () => {
    await appendEvents(db, [trackEvent(shop, { messageId: 'twice/ü', event: 'old' })]);
    await appendEvents(db, [trackEvent(app, { messageId: 'twice/ü', event: 'new' })]);
    const found = await api.call('GET', `/api/events/${encodeURIComponent('twice/ü')}`);
    expect(found.body).toMatchObject({ name: 'new', sourceId: app });
  });

  test('that is not there is not found', async () => {
    for (const id of ['999999', '0', 'nobody', 'a%00b']) {
      expect((await api.call('GET', `/api/events/${id}`)).body).toMatchObject({
        status: 404,
        code: 'not_found',
      });
    }
  });
});

describe('rejected events', () => {
  test('are listed newest first with their reason and what came, cut', async () => {
    for (const [code, bytes] of [
      ['no_user', Buffer.from('{"type":"track"}')],
      ['event_too_large', Buffer.alloc(40_000, 97)],
      ['no_user', Buffer.from([0x7b, 0xff, 0x7d])],
    ] as const) {
      await db.run(sql`
        insert into rejected_event (received_at, source_id, code, message, raw)
        values (now(), ${code === 'no_user' ? shop : app}, ${code}, 'why', ${bytes})`);
    }
    const { data } = (await api.call('GET', '/api/rejected')).body;
    expect(data).toMatchObject([
      { code: 'no_user', raw: '{\uFFFD}', size: 3 },
      { code: 'event_too_large', size: 40_000 },
      { code: 'no_user', raw: '{"type":"track"}', message: 'why', messageId: null },
    ]);
    expect(data[1].raw).toHaveLength(8_192);
    const first = await api.call('GET', '/api/rejected?code=no_user&limit=1');
    const rest = await api.call('GET', `/api/rejected?code=no_user&limit=1&cursor=${first.body.nextCursor}`);
    expect([first.body.data[0].id, rest.body.data[0].id]).toEqual([data[0].id, data[2].id]);
    expect(rest.body.nextCursor).toBeNull();
    expect((await api.call('GET', `/api/rejected?source=${app}`)).body.data).toHaveLength(1);
    const whole = (await api.call('GET', `/api/rejected/${data[1].id}`)).body;
    expect(whole).toEqual({ ...data[1], raw: 'a'.repeat(40_000) });
    for (const id of [999_999, 'x', '0', '-1']) {
      expect((await api.call('GET', `/api/rejected/${id}`)).status).toBe(404);
    }
  });
});
