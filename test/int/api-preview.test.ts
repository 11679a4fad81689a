import { describe, expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { startReceiver } from '../support/receiver.ts';

const db = await testDatabase();
const api = await testApi(db);
const source = await newSource(db);

async function connect(body: Record<string, unknown>) {
  const made = await api.call('POST', '/api/destinations', { name: 'Previewed', enabled: false, ...body });
  expect(made.status, made.text).toBe(201);
  return made.body;
}
const previewed = (id: string, body: unknown) => api.call('POST', `/api/destinations/${id}/preview`, body);
async function deliveriesOf(id: string, body: unknown) {
  const answer = await previewed(id, body);
  expect(answer.status, answer.text).toBe(200);
  expect(answer.text + api.log()).not.toContain('canary');
  return answer.body.data.flatMap((one: { deliveries: unknown[] }) => one.deliveries);
}
async function archived(more: Record<string, unknown> = {}) {
  const event = trackEvent(source, more);
  const { head } = await appendEvents(db, [event]);
  return { position: head, messageId: event.messageId };
}
const event = {
  type: 'track',
  event: 'Signed Up',
  userId: 'u-1',
  messageId: 'm-1',
  properties: { total: 25 },
};

describe('own types', () => {
  test('a webhook: the request that would leave, its signature and other secrets hidden, and nothing arrives', async () => {
    const receiver = await startReceiver();
    const { id } = await connect({
      type: 'webhook',
      settings: { url: `${receiver.url}?key=url-canary-1`, headers: { 'x-shop': 'header-canary-2' } },
    });
    const { position, messageId } = await archived({ properties: { total: 12.5 } });
    const answer = await previewed(id, { eventIds: [position, messageId, String(position)] });
    expect(answer.body.data).toHaveLength(3);
    expect(answer.text).not.toContain('canary');
    const [{ deliveries, ...shown }] = answer.body.data;
    expect(shown).toEqual({ position, messageId, type: 'track', name: 'Tested' });
    const [delivery] = deliveries;
    expect(delivery).toMatchObject({ sends: true, heldBackBy: [], complete: true, problem: null });
    expect(delivery.payload).toMatchObject({ messageId, properties: { total: 12.5 } });
    const [request] = delivery.requests;
    expect(request).toMatchObject({
      method: 'POST',
      url: `${receiver.url}?key=[secret]`,
      headers: { 'webhook-signature': '[secret]', 'x-shop': '[secret]', 'x-reprise-attempt': '1' },
      refused: null,
    });
    expect(request.body.json).toEqual(delivery.payload);
    expect(request.body).toMatchObject({ text: JSON.stringify(request.body.json), cut: false, base64: null });
    expect(receiver.connections).toHaveLength(0);
  });

  test('a Segment-compatible API: the batch before it is compressed, without the write key', async () => {
    const receiver = await startReceiver();
    const settings = { endpoint: `http://127.0.0.1:${receiver.port}`, writeKey: 'key-canary-3', gzip: true };
    const { id } = await connect({ type: 'segment', settings });
    const [{ requests }] = await deliveriesOf(id, { event });
    const [{ body, headers, url }] = requests;
    expect(url).toBe(`http://127.0.0.1:${receiver.port}/v1/batch`);
    expect(headers).toMatchObject({ authorization: '[secret]', 'content-encoding': 'gzip' });
    expect(body.json.batch).toMatchObject([{ messageId: 'm-1', event: 'Signed Up' }]);
    expect(body.bytes).not.toBe(body.text.length);
    expect(receiver.connections).toHaveLength(0);
  });

  test('a large number of an event that is given stays as it was written', async () => {
    const { id } = await connect({ type: 'webhook', settings: { url: 'https://example.com/events' } });
    const number = '12345678901234567890.10';
    const text = `{"event":{"type":"track","event":"E","userId":"u","properties":{"n":${number}}}}`;
    const answer = await api.call('POST', `/api/destinations/${id}/preview`, text, {
      'content-type': 'application/json',
    });
    expect(answer.body.data[0].deliveries[0].requests[0].body.text).toContain(`"n":${number}`);
  });
});

describe('types of the catalog', () => {
  const klime = async () => {
    const receiver = await startReceiver();
    const settings = { apiEndpoint: `http://127.0.0.1:${receiver.port}`, writeKey: 'klime-canary-4' };
    return { receiver, ...(await connect({ type: 'actions-klime', settings })) };
  };

  test('a batch: what the mapping makes, the request of the definition’s own code, and nothing arrives', async () => {
    const { id, receiver } = await klime();
    const [track, identify] = await deliveriesOf(id, { event, actions: ['track', 'Identify User'] });
    expect(track).toMatchObject({ action: 'track', sends: true, complete: true, problem: null });
    expect(track.payload).toMatchObject({ event: 'Signed Up', userId: 'u-1', messageId: 'm-1' });
    expect(track.requests).toMatchObject([
      { method: 'POST', body: { json: { batch: [{ event: 'Signed Up' }] } } },
    ]);
    expect(track.requests[0].url).toMatch(`http://127.0.0.1:${receiver.port}`);
    expect(identify).toMatchObject({ sends: false, heldBackBy: ['trigger'], requests: [], payload: null });
    expect(receiver.connections).toHaveLength(0);
  });

  test('an address that may not be dialled is said, and shown', async () => {
    const { id } = await connect(sending({ url: 'http://10.0.0.1/x', method: 'POST', data: { a: 1 } }));
    const [{ requests }] = await deliveriesOf(id, { event });
    expect(requests).toMatchObject([{ url: 'http://10.0.0.1/x', body: { text: '{"a":1}' } }]);
    expect(requests[0].refused).toContain('REPRISE_EGRESS_ALLOW');
  });

  const sending = (mapping: unknown) => ({
    type: 'actions-webhook',
    settings: {},
    actions: [{ action: 'send', trigger: null, mapping }],
  });

  test('one event in a call: an event that cannot be mapped says so, the others are shown', async () => {
    const receiver = await startReceiver();
    const url = { '@path': '$.properties.url' };
    const { id } = await connect(sending({ url, method: 'POST', data: { '@path': '$.properties' } }));
    const bad = await archived();
    const good = await archived({ properties: { url: receiver.url, n: 1 } });
    const [first, second] = await deliveriesOf(id, { eventIds: [bad.position, good.messageId] });
    expect(first).toMatchObject({
      payload: null,
      requests: [],
      complete: false,
      problem: { code: 'unmappable' },
    });
    expect(first.problem.message).toMatch(/url/i);
    expect(second).toMatchObject({
      problem: null,
      requests: [{ url: receiver.url, body: { json: { n: 1 } } }],
    });
    expect(receiver.connections).toHaveLength(0);
  });

  test('a mapping that ends its process costs its own event, and the API goes on', async () => {
    const receiver = await startReceiver();
    const data = { a: { '@liquid': '{{ (1..100000000) | size }}' } };
    const { id, actions } = await connect(sending({ url: receiver.url, method: 'POST', data: {} }));
    const mapping = JSON.stringify({ url: receiver.url, method: 'POST', data });
    await db.run(
      sql`update action_version set mapping = ${mapping}::jsonb where action_id = ${actions[0].id}`,
    );
    const running = deliveriesOf(id, { event });
    const health = await fetch(`${api.url}/healthz`);
    expect(health.status).toBe(200);
    expect(await running).toMatchObject([
      { requests: [], complete: false, problem: { code: 'definition_crashed' } },
    ]);
  });

  test('a definition that asks for more than the made-up answer can give is shown as not complete', async () => {
    const settings = { oauth: { accessToken: 'token-canary-5' } };
    const mapping = {
      role: 'user',
      external_id: { '@path': '$.userId' },
      email: { '@path': '$.traits.email' },
    };
    const actions = [{ action: 'identifyContact', trigger: null, mapping }];
    const made = await connect({ type: 'actions-intercom-cloud', settings, actions });
    const deliveries = await deliveriesOf(made.id, {
      event: { type: 'identify', userId: 'u-1', traits: { email: 'a@b.example' } },
    });
    expect(deliveries).toMatchObject([{ sends: true, complete: false, payload: { email: 'a@b.example' } }]);
    expect(deliveries[0].requests[0]).toMatchObject({ headers: { authorization: '[secret]' } });
    expect(deliveries[0].requests[0].url).toContain('https://api.intercom.io/');
  });

  test('as a replay would send it: with what the replay profile sets for old events', async () => {
    const settings = { api_key: 'posthog-canary-6', endpoint: 'https://us.i.posthog.com', project_id: '1' };
    const actions = [{ action: 'event', trigger: null }];
    const { id } = await connect({ type: 'actions-posthog', settings, actions });
    const old = { ...event, timestamp: '2026-01-01T00:00:00.000Z' };
    const bodyOf = async (replay: boolean) =>
      (await deliveriesOf(id, { event: old, replay }))[0].requests[0].body.text as string;
    expect(await bodyOf(true)).toContain('"historical_migration":true');
    expect(await bodyOf(false)).not.toContain('"historical_migration":true');
  });

  test('what is too old for the destination is held back from a replay, and not from the stream', async () => {
    const settings = { apiSecret: 'analytics-canary-7', measurementId: 'G-123456' };
    const actions = [{ action: 'customEvent', trigger: null }];
    const { id } = await connect({ type: 'actions-google-analytics-4', settings, actions });
    const heldBackBy = async (timestamp: string, replay: boolean) =>
      (await deliveriesOf(id, { event: { ...event, timestamp }, replay }))[0].heldBackBy;
    const old = '2026-01-01T00:00:00.000Z';
    expect(await heldBackBy(old, true)).toEqual(['time']);
    expect(await heldBackBy(old, false)).toEqual([]);
    expect(await heldBackBy(new Date().toISOString(), true)).toEqual([]);
  });
});

describe('what holds an event back', () => {
  test('is told, all of it', async () => {
    const { id } = await connect({
      type: 'webhook',
      settings: { url: 'https://example.com/events' },
      sources: [source],
      filter: 'properties.total >= 100',
      actions: [{ name: 'Orders', trigger: 'event = "Order Completed"' }],
    });
    const held = async (more: Record<string, unknown>, body: Record<string, unknown> = {}) =>
      (await deliveriesOf(id, { event: { ...event, ...more }, ...body }))[0].heldBackBy;
    expect(await held({})).toEqual(['trigger', 'filter']);
    const order = { event: 'Order Completed', properties: { total: 100 } };
    expect(await held(order)).toEqual([]);
    expect(await held({ ...order, integrations: { All: false } })).toEqual(['integrations']);
    expect(await held(order, { sourceId: await newSource(db) })).toEqual(['sources']);
    await api.call('POST', '/api/suppressions', { userId: 'u-suppressed' });
    expect(await held({ ...order, userId: 'u-suppressed' })).toEqual(['suppression']);
  });
});

describe('what is refused', async () => {
  const { id } = await connect({ type: 'webhook', settings: { url: 'https://example.com/events' } });

  test('an event that there is not is named', async () => {
    const { position } = await archived();
    const answer = await previewed(id, { eventIds: [position, 'no-such-message'] });
    expect(answer.body).toMatchObject({
      status: 404,
      code: 'not_found',
      errors: [{ pointer: '/eventIds/1' }],
    });
    expect(answer.body.detail).toContain('no-such-message');
    expect((await previewed('00000000-0000-4000-8000-000000000000', { event })).status).toBe(404);
  });

  test.each([
    [{}, ''],
    [{ event, eventIds: [1] }, ''],
    [{ eventIds: [] }, '/eventIds'],
    [{ eventIds: Array.from({ length: 21 }, () => 1) }, '/eventIds'],
    [{ event: { type: 'trak', userId: 'u' } }, '/event'],
    [{ event: 'x' }, '/event'],
    [{ event, actions: ['Sned event'] }, '/actions/0'],
    [{ event, action: ['x'] }, '/action'],
  ])('%j at %s', async (body, pointer) => {
    const answer = await previewed(id, body);
    expect(answer.body).toMatchObject({ status: 422, code: 'invalid_body' });
    expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  });

  test('a viewer may not, and no record of changes holds the event', async () => {
    const { token } = (await api.call('POST', '/api/tokens', { name: 'reader', role: 'viewer' })).body;
    const headers = { authorization: `Bearer ${token}` };
    expect((await api.call('POST', `/api/destinations/${id}/preview`, { event }, headers)).status).toBe(403);
    await previewed(id, { event: { ...event, phone: 'phone-of-somebody' } });
    const audit = await api.call('GET', '/api/audit?limit=200');
    expect(audit.text).toContain('previewDestination');
    expect(audit.text).not.toContain('phone-of-somebody');
  });
});
