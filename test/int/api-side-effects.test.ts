import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();
const api = await testApi(db);

async function connect(type: string, more: Record<string, unknown>) {
  const made = await api.call('POST', '/api/destinations', {
    type,
    name: `${type} ${Math.random()}`,
    ...more,
  });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body;
}
const replay = (destinationId: string, more: Record<string, unknown> = {}) =>
  api.call('POST', '/api/replays', { destinationId, ...more });

const customerio = {
  settings: { siteId: 'a-site', apiKey: 'a-key', accountRegion: 'US 🇺🇸' },
  actions: [{ action: 'trackEvent' }, { action: 'deletePerson', name: 'Forget', trigger: 'event = "Left"' }],
};

test('a replay that would take something away is refused with what it would do, and runs when it is allowed by name', async () => {
  const { id } = await connect('actions-customerio', customerio);
  const refused = await replay(id);
  expect(refused).toMatchObject({
    status: 422,
    body: {
      code: 'side_effects',
      errors: [{ pointer: '/allowSideEffects', detail: expect.stringContaining('deletePerson: ') }],
    },
  });
  expect(refused.body.detail).toContain('{"allowSideEffects": ["deletePerson"]}');
  expect((await replay(id, { allowSideEffects: ['trackEvent'] })).status).toBe(422);
  expect((await replay(id, { allowSideEffects: ['Forget', 'Forgit'] })).body.errors).toEqual([
    { pointer: '/allowSideEffects/1', detail: expect.stringContaining('no such action. It has: ') },
  ]);
  const made = await replay(id, { allowSideEffects: ['Forget'] });
  expect(made).toMatchObject({ status: 201, body: { request: { allowSideEffects: ['Forget'] } } });
});

test('a replay may use some of the actions, by id, name or what they do', async () => {
  const { id, actions } = await connect('actions-customerio', customerio);
  const [track, forget] = actions as { id: string; name: string }[];
  const made = await replay(id, { actions: ['trackEvent'] });
  expect(made).toMatchObject({ status: 201, body: { request: { actions: [track!.id] } } });
  const [run] = await db.rows<{ actions: unknown }>(sql`select actions from run where id = ${made.body.id}`);
  expect(run!.actions).toEqual([{ actionId: track!.id, version: 1 }]);
  await api.call('POST', `/api/replays/${made.body.id}/cancel`);

  const unknown = await replay(id, { actions: ['Tracks', 'Forgets'] });
  expect(unknown.status).toBe(422);
  expect(unknown.body.errors).toMatchObject([{ pointer: '/actions/0' }, { pointer: '/actions/1' }]);
  expect((await replay(id, { actions: [forget!.name] })).body.code).toBe('side_effects');
  const failed = await replay(id, { actions: ['trackEvent'], mode: 'failed' });
  expect(failed).toMatchObject({ status: 422, body: { errors: [{ pointer: '/actions' }] } });
});

const salesforce = (...operations: string[]) => ({
  settings: { instanceUrl: 'https://example.my.salesforce.com', oauth: { accessToken: 'a-token' } },
  actions: operations.map((operation) => ({
    action: 'contact',
    name: `Contacts: ${operation}`,
    trigger: 'type = "identify"',
    mapping: { operation, traits: { email: { '@path': '$.traits.email' } }, last_name: 'Bee' },
  })),
});

test('whether an action has such effects is decided by its mapping, too, and told of that action alone', async () => {
  const harmless = await connect('actions-salesforce', salesforce('upsert', 'create'));
  expect((await replay(harmless.id)).status).toBe(201);
  const one = await connect('actions-salesforce', salesforce('delete'));
  expect((await replay(one.id)).body.errors).toEqual([
    {
      pointer: '/allowSideEffects',
      detail: 'contact: Its mapping has "delete" in the field operation: it takes something away.',
    },
  ]);
  const both = await connect('actions-salesforce', salesforce('upsert', 'delete'));
  const refused = await replay(both.id);
  expect(refused).toMatchObject({ status: 422, body: { code: 'side_effects' } });
  expect(refused.body.detail).toContain('{"allowSideEffects": ["Contacts: delete"]}');
  expect((await replay(both.id, { actions: ['Contacts: upsert'] })).status).toBe(201);
  expect((await replay(one.id, { allowSideEffects: ['Contacts: delete'] })).status).toBe(201);
});

test('without such actions, and for types of our own, nothing is asked', async () => {
  const { id } = await connect('actions-customerio', { ...customerio, actions: [{ action: 'trackEvent' }] });
  expect((await replay(id)).status).toBe(201);
  const own = await connect('webhook', { settings: { url: 'https://example.com/hook' } });
  expect((await replay(own.id)).status).toBe(201);
});

test('what a service bears is the budget of its destination, unless somebody says otherwise', async () => {
  expect(await connect('actions-customerio', customerio)).toMatchObject({
    budget: { requestsPerSecond: 1_000 },
  });
  expect(await connect('actions-customerio', { ...customerio, budget: {} })).toMatchObject({ budget: {} });
  const asked = { ...customerio, budget: { eventsPerSecond: 5 } };
  expect((await connect('actions-customerio', asked)).budget).toEqual({ eventsPerSecond: 5 });
  const own = await connect('webhook', { settings: { url: 'https://example.com/hook' } });
  expect(own.budget).toEqual({});
});
