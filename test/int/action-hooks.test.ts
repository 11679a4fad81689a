import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { createOpenSender } from '../../src/workers/open-sender.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { openInternet, type Answer, type Internet, type Recorded } from '../support/internet.ts';
import { linkedIn } from '../support/linked-in.ts';
import { loopback } from '../support/webhook-sender.ts';

const db = await testDatabase();
const api = await testApi(db);
const secret = 'li-canary-7f21c0de99';
const account = 'urn:li:sponsoredAccount:5123';

let answer: (request: Recorded) => Answer | Promise<Answer>;
let internet: Internet;
beforeAll(async () => {
  internet = await openInternet((request) => answer(request));
});
afterAll(() => internet.close());

beforeEach(() => {
  answer = linkedIn();
  internet.taken();
});

const inputs = {
  adAccountId: account,
  name: 'Sign-ups',
  conversionType: 'SIGN_UP',
  attribution_type: 'LAST_TOUCH_BY_CAMPAIGN',
};
const action = { action: 'streamConversion', hooks: { onMappingSave: inputs } };
const body = {
  type: 'actions-linkedin-conversions',
  name: 'LinkedIn',
  settings: { oauth: { accessToken: secret } },
  enabled: false,
  actions: [action],
};
const post = (more: object = {}, headers = {}) =>
  api.call('POST', '/api/destinations', { ...body, ...more }, headers);
const patch = (id: string, actions: unknown) => api.call('PATCH', `/api/destinations/${id}`, { actions });
const asked = () => internet.taken().map(({ method, url }) => `${method} ${new URL(url).pathname}`);

/** Sends an event through the first action of a destination, in its newest version, as a delivery process does. */
async function send(
  { id, actions }: { id: string; actions: { id: string; version: number }[] },
  type: string,
) {
  const [row] = await db.rows<{ settingsSealed: string }>(
    sql`select settings_sealed as "settingsSealed" from destination where id = ${id}`,
  );
  const [{ id: actionId, version } = { id: '', version: 0 }] = actions;
  const sender = await createOpenSender({ egress: loopback, keyring: api.deps.keyring })(
    { kind: 'stream', destination: { id, name: 'D', type, ...row! }, actions: [{ actionId, version }] },
    db,
  );
  const now = new Date().toISOString();
  const event = {
    type: 'track',
    event: 'E',
    messageId: 'm1',
    timestamp: now,
    traits: { email: 'a@b.example' },
    properties: { currency: 'EUR', revenue: '5' },
  };
  const outcomes = await sender.send([deliveryOf(JSON.stringify(event), { actionId })], openGate);
  await sender.close();
  return outcomes[0]!;
}

describe('a hook', () => {
  test('is run when its action is saved, and what it saved is given to every event', async () => {
    const made = await post();
    expect(made.status, made.text).toBe(201);
    const [first] = made.body.actions;
    expect(first).toMatchObject({
      version: 1,
      mapping: {
        onMappingSave: { inputs, outputs: { id: '104001', name: 'Sign-ups', conversionType: 'SIGN_UP' } },
      },
    });
    // What its form begins with is sent where nothing else is said.
    expect(first.mapping.onMappingSave.inputs).toMatchObject({ post_click_attribution_window_size: 30 });
    const [created] = internet.taken();
    expect(created).toMatchObject({ method: 'POST', headers: { authorization: `Bearer ${secret}` } });
    expect(JSON.parse(created!.body.toString())).toMatchObject({ account, name: 'Sign-ups' });
    expect(await send(made.body, body.type)).toMatchObject({ kind: 'delivered' });
    const [event] = internet.taken();
    expect(event!.url).toBe('https://api.linkedin.com/rest/conversionEvents');
    expect(event!.body.toString()).toContain('urn:lla:llaPartnerConversion:104001');
  });

  test('that has run before its PATCH is refused is told of, and need not run again', async () => {
    const { id, actions } = (await post()).body;
    const known = linkedIn();
    answer = async (request) => {
      if (request.method === 'POST' && request.url.endsWith('/rest/conversions'))
        await patch(id, [{ id: actions[0].id }]); // meanwhile somebody else leaves the second action out
      return known(request);
    };
    const both = await patch(id, [{ id: actions[0].id }, { action: 'streamConversion', name: 'Second' }]);
    expect(both.status, both.text).toBe(200);
    const second = both.body.actions[1].id as string;
    asked();
    const refused = await patch(id, [
      { id: actions[0].id },
      { id: second, hooks: { onMappingSave: inputs } },
    ]);
    expect(refused.status, refused.text).toBe(422);
    expect(refused.body.detail).toMatch(/give `savedByHooks` back/);
    expect(refused.body.savedByHooks).toEqual([
      {
        pointer: '/actions/1/mapping',
        mapping: {
          onMappingSave: { inputs: expect.any(Object), outputs: expect.objectContaining({ id: '104001' }) },
        },
      },
    ]);
    expect(asked()).toContain('POST /rest/conversions');
    const [entry] = (
      await api.call('GET', `/api/audit?limit=2&resource=/api/destinations/${id}`)
    ).body.data.filter((one: { status: number }) => one.status === 422);
    expect(entry).toMatchObject({ result: 'refused', savedByHooks: refused.body.savedByHooks });
    const [{ mapping }] = refused.body.savedByHooks;
    const whole = { ...both.body.actions[1].mapping, ...mapping };
    const again = await patch(id, [{ id: actions[0].id }, { action: 'streamConversion', mapping: whole }]);
    expect(again.status, again.text).toBe(200);
    expect(again.body.actions[1].mapping).toMatchObject(mapping);
    expect(asked()).toEqual([]);
  });

  test('that has saved something before another fails is told of, to the audit log as well', async () => {
    const known = linkedIn();
    answer = (request) => (request.body.includes('Trials') ? { status: 403, body: '{}' } : known(request));
    const trials = { ...action, hooks: { onMappingSave: { ...inputs, name: 'Trials' } } };
    const refused = await post({ actions: [action, trials] });
    expect(refused.body.errors).toMatchObject([{ pointer: '/actions/1/hooks/onMappingSave' }]);
    const [{ pointer, mapping }] = refused.body.savedByHooks;
    expect([pointer, mapping.onMappingSave.outputs.id]).toEqual(['/actions/0/mapping', '104001']);
    const [entry] = (await api.call('GET', '/api/audit?limit=1')).body.data;
    expect(entry).toMatchObject({ status: 422, savedByHooks: refused.body.savedByHooks });
  });

  test('is not run again with the inputs that it had, until what it saved is forgotten', async () => {
    const { id, actions } = (await post()).body;
    const again = [{ id: actions[0].id, hooks: action.hooks }];
    asked();
    expect((await patch(id, again)).body.actions).toEqual(actions);
    await api.call('PATCH', `/api/destinations/${id}`, { actions: again, settings: body.settings });
    expect(asked()).toEqual([]);
    await patch(id, [{ id: actions[0].id, hooks: { onMappingSave: null } }]);
    expect((await patch(id, again)).body.actions[0].mapping.onMappingSave.outputs.id).toBe('104002');
  });

  test('is run again where the account may be another', async () => {
    const { id, actions } = (await post()).body;
    const again = { actions: [{ id: actions[0].id, hooks: action.hooks }] };
    asked();
    const other = { oauth: { accessToken: `${secret}-2` } };
    await api.call('PATCH', `/api/destinations/${id}`, { ...again, settings: other });
    await api.call('PATCH', `/api/destinations/${id}`, { ...again, newAccount: true });
    expect(asked()).toEqual(Array(2).fill('POST /rest/conversions/104001'));
  });

  test('does not run when its PATCH cannot be done', async () => {
    const { id, actions } = (await post()).body;
    asked();
    const refused = await api.call('PATCH', `/api/destinations/${id}`, {
      sources: [randomUUID()],
      actions: [{ id: actions[0].id, hooks: { onMappingSave: inputs } }],
    });
    expect(refused.status).toBe(422);
    expect(refused.body.savedByHooks).toBeUndefined();
    expect(asked()).toEqual([]);
  });

  test('gets what it saved before, and the version before keeps that', async () => {
    const { id, actions } = (await post()).body;
    asked();
    const changed = await patch(id, [
      { id: actions[0].id, hooks: { onMappingSave: { ...inputs, name: 'Trials' } } },
    ]);
    expect(changed.status, changed.text).toBe(200);
    expect(changed.body.actions[0]).toMatchObject({
      version: 2,
      mapping: { onMappingSave: { outputs: { id: '104001', name: 'Trials' } } },
    });
    expect(asked()).toEqual(['POST /rest/conversions/104001']);
    const versions = await db.rows<{ name: string }>(sql`
      select mapping #>> '{onMappingSave,outputs,name}' as name from action_version
      where action_id = ${actions[0].id} order by version`);
    expect(versions).toEqual([{ name: 'Sign-ups' }, { name: 'Trials' }]);
  });

  test('another mapping keeps what was saved, and asks the service for nothing', async () => {
    const { id, actions } = (await post()).body;
    asked();
    const { onMappingSave, ...mapping } = actions[0].mapping;
    const other = { ...mapping, eventId: { '@path': '$.properties.id' } };
    const changed = await patch(id, [{ id: actions[0].id, mapping: other }]);
    expect(changed.body.actions[0]).toMatchObject({ version: 2, mapping: { ...other, onMappingSave } });
    expect(asked()).toEqual([]);
    const forgotten = await patch(id, [{ id: actions[0].id, hooks: { onMappingSave: null } }]);
    expect(forgotten.body.actions[0].mapping).toEqual(other);
  });

  test('is run once for an Idempotency-Key', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const [one, two] = [await post({}, key), await post({}, key)];
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(two.body).toEqual(one.body);
    expect(asked()).toEqual(['POST /rest/conversions']);
  });

  test('that fails refuses the request at its place, without secrets, and nothing is saved', async () => {
    const before = (await post()).body;
    const count = async () => (await db.rows(sql`select 1 from destination`)).length;
    const destinations = await count();
    answer = () => ({ status: 403, body: JSON.stringify({ message: `no ${secret}` }) });
    const pointer = '/actions/0/hooks/onMappingSave';
    const refused = await post();
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
    expect(refused.body.errors[0].detail).toContain('Failed to create conversion rule: Forbidden');
    expect(await count()).toBe(destinations);
    const change = [{ id: before.actions[0].id, hooks: { onMappingSave: { ...inputs, name: 'Trials' } } }];
    expect(await patch(before.id, change)).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
    const now = await api.call('GET', `/api/destinations/${before.id}`);
    expect(now.body.actions).toEqual(before.actions);
    expect(refused.text + api.log()).not.toContain(secret);
  });

  test.each([
    [{ onMappingSav: {} }, '/actions/0/hooks/onMappingSav', 'Did you mean "onMappingSave"?'],
    [{ onMappingSave: { name: 'x' } }, '/actions/0/hooks/onMappingSave/adAccountId', 'Ad Account'],
    [{ onMappingSave: { ...inputs, nmae: 'x' } }, '/actions/0/hooks/onMappingSave/nmae', '"name"'],
    [
      { onMappingSave: { ...inputs, conversionType: 'NOPE' } },
      '/actions/0/hooks/onMappingSave/conversionType',
      'one of',
    ],
  ])('%j is refused before anything is asked', async (hooks, pointer, text) => {
    const refused = await post({ actions: [{ action: 'streamConversion', hooks }] });
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toMatchObject([{ pointer, detail: expect.stringContaining(text) }]);
    expect(asked()).toEqual([]);
  });

  test('nothing is asked either while something else is wrong', async () => {
    const refused = await post({ sources: [randomUUID()] });
    expect(refused.body.errors).toMatchObject([{ pointer: '/sources/0' }]);
    const { id, actions } = (await post()).body;
    asked();
    const change = { settings: { nope: 1 }, actions: [{ id: actions[0].id, hooks: action.hooks }] };
    expect((await api.call('PATCH', `/api/destinations/${id}`, change)).status).toBe(422);
    expect(asked()).toEqual([]);
  });
});

test('an action that needs what a hook saves, and has none, says so of each event and sends nothing', async () => {
  const made = await api.call('POST', '/api/destinations', {
    type: 'actions-braze-cloud',
    name: 'Braze',
    settings: { api_key: secret, app_id: 'a', endpoint: 'https://rest.iad-01.braze.com' },
    enabled: false,
    actions: [
      {
        action: 'upsertCatalogItem',
        trigger: 'type = "track"',
        mapping: {
          item_id: { '@path': '$.messageId' },
          item: { a: 1 },
          __segment_internal_sync_mode: 'upsert',
        },
      },
    ],
  });
  expect(made.status, made.text).toBe(201);
  expect(await send(made.body, 'actions-braze-cloud')).toMatchObject({
    kind: 'invalid',
    failure: { errorClass: 'hook_not_run', message: expect.stringContaining('onMappingSave') },
  });
  expect(asked()).toEqual([]);
  const hooks = { onMappingSave: { operation: 'select', selected_catalog_name: 'shop' } };
  const changed = await patch(made.body.id, [{ id: made.body.actions[0].id, hooks }]);
  expect(changed.status, changed.text).toBe(200);
  expect(await send(changed.body, 'actions-braze-cloud')).toMatchObject({ kind: 'delivered' });
  expect(asked()).toEqual([expect.stringContaining('/catalogs/shop/items')]);
});
