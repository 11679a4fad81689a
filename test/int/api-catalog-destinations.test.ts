import { describe, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { openStreamRun } from '../../src/db/streams.ts';
import { freePort } from '../../src/dev/ports.ts';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { startReceiver } from '../support/receiver.ts';

const db = await testDatabase();
const api = await testApi(db);
const settings = { apiEndpoint: 'https://example.com', writeKey: 'klime-canary-4d1f' };
const base = { type: 'actions-klime', name: 'Klime', settings };
const track = { action: 'track', trigger: 'type = "track" and event = "Signed Up"' };

const proto = JSON.parse('{"__proto__":{"a":1}}') as object;

const post = (body: unknown) => api.call('POST', '/api/destinations', body);
async function connect(more: Record<string, unknown> = {}) {
  const made = await post({ ...base, ...more });
  expect(made.status).toBe(201);
  return made.body;
}

describe('a destination of the catalog', () => {
  test('begins with the actions that its definition suggests', async () => {
    const made = await connect();
    expect(made.actions).toMatchObject([
      { name: 'Track Event', action: 'track', version: 1, trigger: 'type = "track"' },
      { name: 'Identify User', action: 'identify', version: 1 },
      { name: 'Track Group', action: 'group', version: 1 },
    ]);
    expect(made.actions[0].mapping).toMatchObject({ messageId: { '@path': '$.messageId' } });
    expect(JSON.stringify(made) + api.log()).not.toContain('klime-canary-4d1f');
  });

  test('or with those that are named, completed with what the definition suggests', async () => {
    const { actions } = await connect({ actions: [{ ...track, name: 'Sign-ups' }] });
    expect(actions).toMatchObject([{ name: 'Sign-ups', action: 'track', trigger: track.trigger }]);
    expect(actions[0].mapping).toHaveProperty('enable_batching', true);
  });

  test.each([
    [{ settings: { apiEndpoint: 'https://example.com' } }, '/settings/writeKey', 'Write Key'],
    [{ settings: { ...settings, writekey: 'x' } }, '/settings/writekey', 'Did you mean "writeKey"?'],
    [{ settings: { ...settings, apiEndpoint: 'http://10.0.0.1/' } }, '/settings/apiEndpoint', 'not a public'],
    [{ actions: [{ action: 'trak' }] }, '/actions/0/action', 'Did you mean "track"?'],
    [{ actions: [{ ...track, trigger: 'type = ' }] }, '/actions/0/trigger', ''],
    [{ actions: [{ ...track, mapping: { event: 'x' } }] }, '/actions/0/mapping/messageId', 'Missing'],
    [
      { actions: [{ ...track, mapping: { messageId: { '@pth': '$.a' } } }] },
      '/actions/0/mapping/messageId/@pth',
      '',
    ],
    [{ actions: [{ ...track, mapping: { batch_size: -5 } }] }, '/actions/0/mapping/batch_size', 'at least 1'],
    [
      { actions: [{ ...track, mapping: { batch_size: 2.5 } }] },
      '/actions/0/mapping/batch_size',
      'whole number',
    ],
    [{ actions: [{ ...track, mapping: { timestamp: 'soon' } }] }, '/actions/0/mapping/timestamp', 'a time'],
    [
      { actions: [{ ...track, mapping: proto }] },
      '/actions/0/mapping/__proto__',
      '"__proto__" is not known here',
    ],
    [{ settings: { ...settings, ...proto } }, '/settings/__proto__', '"__proto__" is not known here'],
    [
      { type: 'webhook', settings: { url: 'https://a.example' }, actions: [{ mapping: {} }] },
      '/actions/0/mapping',
      'whole events',
    ],
  ])('%j is refused at %s', async (more, pointer, text) => {
    const refused = await post({ ...base, ...more });
    expect(refused.status).toBe(422);
    const error = refused.body.errors.find((one: { pointer: string }) => one.pointer === pointer);
    expect(error, JSON.stringify(refused.body.errors)).toBeDefined();
    expect(error.detail).toContain(text);
  });

  test('takes what switches batching, as the catalog shows it, where the definition has no field for it', async () => {
    const shown = (await api.call('GET', '/api/catalog/actions-webhook')).body.actions[0];
    expect(shown.batch.enabledByDefault).toBe(false);
    const field = shown.fields.find(({ name }: { name: string }) => name === 'enable_batching');
    expect(field).toMatchObject({ type: 'boolean', default: false });
    for (const more of [
      { enable_batching: false },
      { enable_batching: true, batch_size: 0 },
      { batch_size: 20 },
    ]) {
      const mapping = { url: 'https://example.com/', method: 'POST', ...more };
      const made = await connect({
        type: 'actions-webhook',
        settings: {},
        actions: [{ action: 'send', mapping }],
      });
      expect(made.actions[0].mapping).toEqual(mapping);
      const actions = [{ id: made.actions[0].id, mapping: { ...mapping, batch_size: 0.5 } }];
      const refused = await api.call('PATCH', `/api/destinations/${made.id}`, { actions });
      expect(refused.body.errors).toMatchObject([{ pointer: '/actions/0/mapping/batch_size' }]);
    }
  });

  test('a change of its actions makes new versions and another stretch of its stream, what is left out is taken away', async () => {
    const made = await connect({ actions: [track, { action: 'identify' }] });
    const [first, second] = made.actions;
    const before = await openStreamRun(db, made.id);
    const changed = await api.call('PATCH', `/api/destinations/${made.id}`, {
      actions: [{ id: first.id, trigger: 'type = "track"' }, { action: 'group' }],
    });
    expect(changed.body.actions).toMatchObject([
      { id: first.id, version: 2, trigger: 'type = "track"', mapping: first.mapping },
      { action: 'group', version: 1 },
    ]);
    const after = await openStreamRun(db, made.id);
    expect(after?.id).not.toBe(before?.id);
    expect(after?.actions).toMatchObject([{ actionId: first.id, version: 2 }, { version: 1 }]);
    const [kept] = await db.rows(
      sql`select 1 from action where id = ${second.id} and deleted_at is not null`,
    );
    expect(kept).toBeDefined();
  });

  test('the same actions again change nothing', async () => {
    const made = await connect({ actions: [track] });
    const [{ id }] = made.actions;
    const same = await api.call('PATCH', `/api/destinations/${made.id}`, { actions: [{ id }] });
    expect(same.body.actions).toEqual(made.actions);
  });

  test('an action of another destination cannot be named', async () => {
    const [other, made] = [await connect(), await connect()];
    const change = { actions: [{ id: other.actions[0].id }] };
    const refused = await api.call('PATCH', `/api/destinations/${made.id}`, change);
    expect(refused.body.errors).toMatchObject([{ pointer: '/actions/0/id' }]);
  });
});

describe('the test of credentials', () => {
  test.each([
    [200, { ok: true }],
    [401, { ok: false, status: 401 }],
  ])('asks the definition: its service answers %i', async (status, expected) => {
    const receiver = await startReceiver((_, response) => response.writeHead(status).end('{}'));
    const made = await post({
      type: 'actions-klime',
      name: 'Klime',
      settings: { ...settings, apiEndpoint: receiver.url },
    });
    const tested = await api.call('POST', `/api/destinations/${made.body.id}/test`);
    expect(tested.body).toMatchObject(expected);
    expect(tested.text).not.toContain('klime-canary-4d1f');
  });

  test('where it has none, it says so', async () => {
    const made = await post({
      type: 'actions-webhook',
      name: 'Hook',
      settings: {},
      actions: [{ action: 'send', mapping: { url: 'https://example.com/', method: 'POST' } }],
    });
    const tested = await api.call('POST', `/api/destinations/${made.body.id}/test`);
    expect(tested.body).toMatchObject({ ok: null, message: expect.stringContaining('no test of its own') });
    const shown = await commandLine(api.url, adminToken, testFolder()).run(['destination', 'test', 'Hook']);
    expect(shown).toMatchObject({ code: 1, stdout: expect.stringMatching(/^\? /) });
  });

  test('does not take a service that is away, or in trouble, for wrong credentials', async () => {
    const busy = await startReceiver((_, response) => response.writeHead(503).end('{}'));
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const answers = await Promise.all(
      [nobody, busy.url].map(async (apiEndpoint) => {
        const made = await post({ ...base, settings: { ...settings, apiEndpoint } });
        return (await api.call('POST', `/api/destinations/${made.body.id}/test`)).body;
      }),
    );
    const untested = 'The credentials were not tested. The destination ';
    expect(answers).toMatchObject([
      {
        ok: false,
        message: expect.stringContaining(`${untested}could not be reached: connect ECONNREFUSED`),
      },
      { ok: false, status: 503, message: expect.stringContaining(`${untested}answered 503`) },
    ]);
  });
});
