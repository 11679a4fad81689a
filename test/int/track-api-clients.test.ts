import { CustomerIORequestError, IdentifierType, TrackClient } from 'customerio-node';
import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { recordingProxy } from '../support/recording-proxy.ts';
import { archivedOf, newKey, rejectedOf, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const odd = 'é😀 "quoted" \u0000';

test('customerio-node, unchanged: every call of its track client arrives', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const proxy = await recordingProxy(url);
  const client = new TrackClient('site', writeKey, { url: `${proxy.url}/api/v1` });
  const answers = [
    await client.identify('a+b@c.de', { plan: odd, created_at: 1361205308 }),
    await client.track('user/1', { name: 'Order Completed', data: { total: 12.5, note: odd } }),
    await client.trackAnonymous('anon', { name: 'Seen', data: { page: 1 } }),
    await client.trackPageView(5, '/home'),
    await client.addDevice('5', 'token', 'ios', { last_used: 1_700_000_000, model: 'x' }),
    await client.deleteDevice('5', 'to/ken'),
    await client.suppress('5'),
    await client.unsuppress('5'),
    await client.mergeCustomers(IdentifierType.Id, '1', IdentifierType.Email, 'a@b.c'),
    await client.trackPush({ delivery_id: 'd', device_id: 't', event: 'opened', timestamp: 1_700_000_000 }),
    await client.reportMetric({ delivery_id: 'd', metric: 'clicked', href: 'https://x.y/' }),
    await client.entity({
      type: 'person',
      identifiers: { id: '5' },
      action: 'identify',
      attributes: { a: odd },
    }),
    await client.batch([
      { type: 'person', identifiers: { id: '5' }, action: 'event', name: 'a', attributes: { n: odd } },
      { type: 'object', identifiers: { object_type_id: '1', object_id: 'acme' }, action: 'delete' },
    ]),
    await client.destroy(5),
  ];
  for (const answer of answers) expect(answer).toEqual({});
  expect(await client.getAccountRegion()).toMatchObject({ region: 'us', url: proxy.url });
  const archived = await archivedOf(db, sourceId);
  expect(archived.map(({ type, name, userId, anonymousId }) => [type, name, userId ?? anonymousId])).toEqual([
    ['identify', null, 'a+b@c.de'],
    ['track', 'Order Completed', 'user/1'],
    ['track', 'Seen', 'anon'],
    ['page', '/home', '5'],
    ['track', 'Device Created or Updated', '5'],
    ['track', 'Device Deleted', '5'],
    ['track', 'User Suppressed', '5'],
    ['track', 'User Unsuppressed', '5'],
    ['alias', null, '1'],
    ['track', 'Report Delivery Event', null],
    ['track', 'Report Delivery Event', null],
    ['identify', null, '5'],
    ['track', 'a', '5'],
    ['track', 'Object Deleted', null],
    ['track', 'User Deleted', '5'],
  ]);
  const raw = archived.map((event) => JSON.parse(rawText(event)) as Record<string, unknown>);
  expect(raw[0]).toMatchObject({ traits: { plan: odd, created_at: 1361205308, email: 'a+b@c.de' } });
  expect(raw[1]).toMatchObject({ properties: { total: 12.5, note: odd } });
  expect(raw[4]).toMatchObject({
    context: { device: { token: 'token', type: 'ios', attributes: { model: 'x' } } },
  });
  expect(raw[5]).toMatchObject({ context: { device: { token: 'to/ken' } } });
  expect(raw[11]).toMatchObject({ traits: { a: odd } });
  expect(proxy.requests.map(({ headers }) => headers['x-retry-count'])).toEqual(
    proxy.requests.map(() => undefined),
  );
});

test('customerio-node hears what is wrong, and repeats nothing that stays wrong', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const proxy = await recordingProxy(url);
  const heard = async (asked: Promise<unknown>) => {
    const error: unknown = await asked.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CustomerIORequestError);
    const { statusCode, message } = error as CustomerIORequestError;
    return [statusCode, message] as const;
  };
  const nobody = new TrackClient('site', 'nobody', { url: `${proxy.url}/api/v1` });
  expect(await heard(nobody.track('5', { name: 'e' }))).toEqual([
    401,
    '1 error:\n  - The write key is unknown or no longer accepted.',
  ]);
  const client = new TrackClient('site', writeKey, { url: `${proxy.url}/api/v1` });
  const [status, message] = await heard(client.entity({ type: 'person', action: 'fly' }));
  expect(status).toBe(400);
  expect(message).toContain('No such operation');
  expect(await heard(client.submitForm('f', { email: 'a@b.c' }))).toMatchObject([
    404,
    expect.stringContaining('/api/v2/batch'),
  ]);
  const partly = await client.batch([
    { type: 'person', identifiers: { id: 5 }, action: 'event', name: 'e' },
    { type: 'x' },
  ]);
  expect(partly).toMatchObject({ errors: [{ batch_index: 1, reason: 'unknown_operation', field: 'type' }] });
  expect(proxy.requests).toHaveLength(4);
  expect(await archivedOf(db, sourceId)).toHaveLength(1);
  expect(await rejectedOf(db, sourceId)).toHaveLength(2);
});
