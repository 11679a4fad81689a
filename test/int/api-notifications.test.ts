import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { toldBy } from '../support/notifications.ts';
import { startReceiver } from '../support/receiver.ts';

const db = await testDatabase();
const api = await testApi(db);
const other = await testApi(db); // its secret key is another one
const url = 'https://hooks.example.com/services/T0CANARY4711SECRET?key=query-canary-55d1';

async function make(more: Record<string, unknown> = {}) {
  const made = await api.call('POST', '/api/notifications', { url, ...more });
  onTestFinished(async () => void (await api.call('DELETE', `/api/notifications/${made.body.id}`)));
  return made;
}
const at = (id: string, rest = '') => `/api/notifications/${id}${rest}`;
const ownSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

test('a secret is generated where none is given, shown once, and neither it nor the address is anywhere else', async () => {
  const key = randomUUID();
  const body = { url, events: ['replay.failed', 'destination.down'] };
  const made = await api.call('POST', '/api/notifications', body, { 'idempotency-key': key });
  expect(made.status).toBe(201);
  const { id, secret } = made.body;
  expect(made.headers.get('location')).toBe(at(id));
  expect(secret).toMatch(/^whsec_/);
  expect(made.body).toMatchObject({
    name: 'hooks.example.com',
    url: 'https://hooks.example.com/services/[secret]',
    events: ['replay.failed', 'destination.down'],
    pending: 0,
    failing: null,
  });
  const given = await make({ secret: ownSecret, name: 'Own' });
  expect(given.body).not.toHaveProperty('secret');
  const rotated = await api.call('PATCH', at(id), { secret: null });
  expect(rotated.body.secret).toMatch(/^whsec_/);
  expect(rotated.body.secret).not.toBe(secret);
  await api.call('PATCH', at(given.body.id), { secret: ownSecret, url: `${url}&more=1` });

  const answers = [
    await api.call('GET', at(id)),
    await api.call('GET', '/api/notifications'),
    await api.call('PATCH', at(id), { name: 'Renamed' }),
    await api.call('GET', '/api/audit?limit=200'),
  ].map(({ text }) => text);
  const rows = JSON.stringify([
    await db.rows(sql`select * from notification`),
    await db.rows(sql`select * from idempotency_key`),
    await db.rows(sql`select * from audit_entry`),
  ]);
  for (const canary of [secret, rotated.body.secret, ownSecret, 'T0CANARY4711SECRET', 'query-canary']) {
    for (const text of [...answers, rows, api.log()]) expect(text.includes(canary), canary).toBe(false);
  }
  expect(rows).toContain('createNotification');
  await api.call('DELETE', at(id));
});

test('the test event is signed, and says how it went', async () => {
  let status = 200;
  const receiver = await startReceiver((_, response) => {
    response.statusCode = status;
    response.end();
  });
  const { id, secret } = (await make({ url: receiver.url, events: ['replay.failed'] })).body;
  expect((await api.call('POST', at(id, '/test'))).body).toMatchObject({ ok: true });
  const [request] = receiver.requests;
  expect(toldBy(request!, secret)).toMatchObject({ type: 'notification.test', data: {} });
  status = 403;
  const refused = (await api.call('POST', at(id, '/test'))).body;
  expect(refused).toMatchObject({ ok: false, status: 403 });
  expect(refused.message).toContain('The receiver answered 403');
  const renewed = (await api.call('PATCH', at(id), { secret: null })).body.secret as string;
  await api.call('POST', at(id, '/test'));
  expect(() => toldBy(receiver.requests.at(-1)!, secret)).toThrow();
  toldBy(receiver.requests.at(-1)!, renewed);
  await receiver.close();
  expect((await api.call('POST', at(id, '/test'))).body).toMatchObject({ ok: false });
});

test('another address and what is told change by themselves; what is not named stays', async () => {
  const { id } = (await make({ name: 'On call', events: ['replay.failed'], secret: ownSecret })).body;
  const moved = await api.call('PATCH', at(id), { url: 'https://example.org/x' });
  expect(moved.body).toMatchObject({
    name: 'On call',
    url: 'https://example.org/x',
    events: ['replay.failed'],
  });
  expect((await api.call('PATCH', at(id), { events: null })).body).toMatchObject({ events: null });
  expect((await api.call('PATCH', at(randomUUID()), { name: 'x' })).status).toBe(404);
});

test.each([
  [{ url: 'http://10.0.0.1/' }, '/url', 'REPRISE_EGRESS_ALLOW'],
  [{ url: 'http://169.254.169.254/latest' }, '/url', 'REPRISE_EGRESS_ALLOW'],
  [{ url: 'ftp://example.com' }, '/url', 'https:'],
  [{ url: 'https://user:password@example.com/' }, '/url', 'user name'],
  [{ url: 'nowhere' }, '/url', 'not a URL'],
  [{ url, secret: 'short' }, '/secret', 'whsec_'],
  [{ url, events: [] }, '/events', 'at least 1'],
  [{ url, events: ['replay.done'] }, '/events/0', ''],
  [{ url, event: ['replay.failed'] }, '/event', 'Did you mean "events"?'],
  [{}, '/url', 'Missing'],
])('%j is refused at %s', async (body, pointer, text) => {
  const refused = await api.call('POST', '/api/notifications', body);
  expect(refused.body).toMatchObject({ status: 422, code: 'invalid_body' });
  const fault = refused.body.errors.find((error: { pointer: string }) => error.pointer === pointer);
  expect(fault?.detail).toContain(text);
});

test('there are fifty at most, and none is made beyond them by two requests at once', async () => {
  const ids: string[] = [];
  onTestFinished(async () => {
    for (const id of ids) await api.call('DELETE', at(id));
  });
  for (let count = 0; count < 49; count += 1) {
    ids.push((await api.call('POST', '/api/notifications', { url })).body.id);
  }
  const both = await Promise.all([1, 2].map(() => api.call('POST', '/api/notifications', { url })));
  ids.push(...both.flatMap(({ status, body }) => (status === 201 ? [body.id] : [])));
  expect(both.map(({ status }) => status)).toEqual(expect.arrayContaining([201, 409]));
  expect(both.find(({ status }) => status === 409)?.body.code).toBe('too_many_notifications');
  const first = (await api.call('GET', '/api/notifications?limit=30')).body;
  const rest = (await api.call('GET', `/api/notifications?limit=30&cursor=${first.nextCursor}`)).body;
  const listed = [...first.data, ...rest.data].map(({ id }: { id: string }) => id);
  expect(listed).toHaveLength(50);
  expect(new Set(listed)).toEqual(new Set(ids));
});

test('sealed with another key it can be read and deleted, and nothing else breaks', async () => {
  const { id } = (await make()).body;
  expect((await other.call('GET', at(id))).body).toMatchObject({ name: 'hooks.example.com', url: null });
  expect((await other.call('POST', at(id, '/test'))).body.code).toBe('settings_unreadable');
  expect((await other.call('PATCH', at(id), { secret: null })).body.code).toBe('settings_unreadable');
  expect((await other.call('PATCH', at(id), { name: 'Still' })).body).toMatchObject({ name: 'Still' });
  expect((await other.call('DELETE', at(id))).status).toBe(204);
  expect((await other.call('DELETE', at(id))).status).toBe(404);
});
