import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { problemExamples } from '../../src/api/problem-examples.ts';
import { listedExample } from '../../src/api/schemas/catalog.ts';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';

const api = await testApi(await testDatabase());

interface Listed {
  readonly type: string;
  readonly title: string;
  readonly category: string | null;
  readonly authentication: string;
  readonly batching: number;
  readonly replay: string;
  readonly connectable: boolean;
  readonly notConnectable: string | null;
}

/** Every entry that a query finds, page after page. */
async function listed(query = '', limit = 200): Promise<Listed[]> {
  const found: Listed[] = [];
  let cursor: string | null = null;
  do {
    const page = cursor === null ? '' : `&cursor=${cursor}`;
    const { status, body } = await api.call('GET', `/api/catalog?limit=${limit}${query}${page}`);
    expect(status).toBe(200);
    found.push(...body.data);
    cursor = body.nextCursor;
  } while (cursor !== null);
  return found;
}

const types = async (query: string) => (await listed(query)).map(({ type }) => type);

test('the whole catalog is listed, in pages, what can be connected first', async () => {
  const all = await listed('', 50);
  expect(all).toHaveLength(216);
  expect(new Set(all.map(({ type }) => type)).size).toBe(216);
  expect(all.slice(0, 2).map(({ type, connectable }) => [type, connectable])).toEqual([
    ['webhook', true],
    ['segment', true],
  ]);
  expect(all.every(({ connectable, notConnectable }) => connectable === (notConnectable === null))).toBe(
    true,
  );
});

test('it is searched by words, category, credentials, batches and readiness', async () => {
  expect(await types('&q=google analytics')).toEqual(['actions-google-analytics-4']);
  expect(await types('&q=MIXPANEL')).toEqual(['actions-mixpanel']);
  expect(await types('&q=no-such-thing')).toEqual([]);
  for (const one of await listed('&category=analytics&auth=custom&batch=true&replay=limited')) {
    expect(one).toMatchObject({ category: 'analytics', authentication: 'custom', replay: 'limited' });
    expect(one.batching).toBeGreaterThan(0);
  }
  const oauth = await types('&auth=oauth2');
  expect(oauth).toHaveLength(28);
  expect(await types('&batch=true')).toHaveLength(95);
  expect(await types('&replay=careful')).toContain('actions-twilio');
  const connectable = await types('&connectable=true');
  expect(connectable).toHaveLength(207);
  expect(connectable).not.toContain('actions-amazon-eventbridge');
  const unknown = await api.call('GET', '/api/catalog?replay=never');
  expect(unknown.status).toBe(400);
});

test('an entry has settings, actions with their fields, presets, and what a replay does there', async () => {
  const { status, body } = await api.call('GET', '/api/catalog/actions-mixpanel');
  expect(status).toBe(200);
  expect(body.settings[0]).toMatchObject({ name: 'projectToken', required: true, secret: true });
  const track = body.actions.find((action: { name: string }) => action.name === 'trackEvent');
  expect(track).toMatchObject({
    trigger: 'type = "track"',
    batch: { defaultSize: 1_000, maximumSize: 2_000 },
  });
  const insertId = track.fields.find((field: { name: string }) => field.name === 'insert_id');
  expect(insertId.default).toEqual({ '@path': '$.messageId' });
  expect(body.presets[0]).toMatchObject({
    action: 'trackEvent',
    mapping: { insert_id: { '@path': '$.messageId' } },
  });
  expect(body.replay.profile.dedupe).toMatchObject({ value: { key: '$insert_id' } });
  expect(body.replay.profile.batch).toMatchObject({ confirmed: false });
  expect(body.replay.explanation).toContain('Events of any age can be sent.');
});

test('an entry of our own is read as the others are', async () => {
  const { body } = await api.call('GET', '/api/catalog/webhook');
  expect(body).toMatchObject({ connectable: true, generated: ['secret'], presets: [{ trigger: null }] });
  const setting = (name: string) => body.settings.find((one: { name: string }) => one.name === name);
  expect(setting('url')).toMatchObject({ required: true });
  expect(setting('secret')).toMatchObject({ secret: true });
  expect(body.settingsSchema).toMatchObject({
    type: 'object',
    required: ['url'],
    additionalProperties: false,
  });
});

test.each([
  ['google-analytics-4', 'actions-google-analytics-4'],
  ['actions-mixpannel', 'actions-mixpanel'],
  ['Mixpanel', 'actions-mixpanel'],
  ['60f9d0d048950c356be2e4da', 'actions-braze-cloud'],
  ['webhok', 'webhook'],
])('there is nothing at %s, and the answer names %s', async (asked, meant) => {
  const { status, body } = await api.call('GET', `/api/catalog/${asked}`);
  expect([status, body.code]).toEqual([404, 'not_found']);
  expect(body.detail).toContain(`Did you mean "${meant}"?`);
});

test('what leads nowhere near says where all types are', async () => {
  const { status, body } = await api.call('GET', '/api/catalog/..%2F..%2Fpackage');
  expect([status, body.detail]).toEqual([404, expect.stringContaining('GET /api/catalog lists all types')]);
});

test('a type that cannot be connected is refused with its reason, and nothing is made', async () => {
  const create = (type: string) =>
    api.call('POST', '/api/destinations', {
      type,
      name: 'A',
      settings: { projectToken: 'a', apiSecret: 'b' },
    });
  const bridge = await create('actions-amazon-eventbridge');
  expect([bridge.status, bridge.body.code]).toEqual([422, 'not_connectable']);
  expect(bridge.body.errors[0].pointer).toBe('/type');
  const segment = await create('actions-segment');
  expect(segment.body.detail).toContain('The type `segment` sends to Segment');
  const typo = await create('mixpanel');
  expect([typo.status, typo.body.code]).toEqual([422, 'invalid_body']);
  expect(typo.body.errors[0].detail).toContain('Did you mean "actions-mixpanel"?');
  expect((await api.call('GET', '/api/destinations')).body.data).toEqual([]);
});

test('the command line lists the catalog and shows an entry', async () => {
  const cli = commandLine(api.url, adminToken, testFolder());
  const list = await cli.run([
    'catalog',
    'list',
    '--category',
    'engagement',
    '--replay',
    'careful',
    '--json',
  ]);
  expect(list.code).toBe(0);
  const found = await listed('&category=engagement&replay=careful');
  expect(found.length).toBeGreaterThan(3);
  expect(JSON.parse(list.stdout)).toEqual(found);
  const refused = await cli.run(['catalog', 'get', 'actions-amazon-eventbridge']);
  expect(refused.stdout).toMatch(/Connectable +no: It publishes to EventBridge as the AWS partner/);
  const entry = await cli.run(['catalog', 'get', 'actions-posthog']);
  expect(entry.stdout).toMatch(/api_key \(needed\)/);
  expect(entry.stdout).toMatch(/^- Single events cannot be deleted again\.$/m);
  const none = await cli.run(['catalog', 'get', 'posthog']);
  expect(none.code).not.toBe(0);
  expect(none.stderr).toContain('Did you mean "actions-posthog"?');
});

test('every entry is as the reference has it, and none of its code is loaded for it', async () => {
  for (const { type } of await listed()) {
    // `call` compares what is answered with the schema of the reference.
    const { status, body } = await api.call('GET', `/api/catalog/${type}`);
    expect([status, body.type]).toEqual([200, type]);
  }
  const { cache } = createRequire(import.meta.url);
  const loaded = Object.keys(cache).filter((file) => file.includes('@segment/action-destinations'));
  expect(loaded).toEqual([]);
}, 90_000);

test('what the reference says cannot be connected is refused, in the words of the reference', async () => {
  const [entry] = await listed(`&q=${listedExample.type}`);
  expect(entry).toEqual(listedExample);
  const refused = await api.call('POST', '/api/destinations', {
    type: listedExample.type,
    name: 'Shop',
    settings: {},
  });
  const { problem, ...example } = problemExamples.not_connectable;
  expect(refused.body).toMatchObject({ code: problem, ...example });
});
