import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { sql } from '../../src/db/sql.ts';
import { openStreamRun } from '../../src/db/streams.ts';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { testFolder } from '../support/folder.ts';

const db = await testDatabase();
const api = await testApi(db);
const shop = await newSource(db);

type Body = Record<string, unknown>;

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

const mail = { from: { email: 'us@example.com' }, to: { email: 'ann@example.com' }, template_id: 'd-1' };
const sendgrid = {
  settings: { sendGridApiKey: 'a-key' },
  actions: [
    { action: 'updateUserProfile', name: 'Contacts', trigger: 'type = "identify"' },
    { action: 'sendEmail', name: 'Mail', trigger: 'type = "track"', mapping: mail },
  ],
};

/** The destination, and the newest position of before it was there. */
async function mailing() {
  const { head } = await appendEvents(db, [
    trackEvent(shop, { messageId: randomUUID(), userId: 'ann' }),
    trackEvent(shop, { messageId: randomUUID(), userId: 'bob' }),
  ]);
  const { id, actions } = await connect('actions-sendgrid', sendgrid);
  const [contacts, mails] = actions as { id: string }[];
  const stream = (await openStreamRun(db, id))!.id;
  return { destinationId: id as string, contacts: contacts!.id, mails: mails!.id, stream, head };
}

/** A delivery that a run of the destination gave up on. */
async function die(
  destinationId: string,
  runId: string,
  actionId: string,
  position: number,
): Promise<string> {
  const id = randomUUID();
  await db.run(sql`
    insert into dead_letter (id, run_id, destination_id, action_id, action_version, position, error_class, failure,
      attempts, first_failed_at)
    values (${id}, ${runId}, ${destinationId}, ${actionId}, 1, ${position}, 'http_500', '{"message": "no"}', 1, now())`);
  return id;
}

async function withLetters() {
  const { destinationId, contacts, mails, stream, head } = await mailing();
  const letters = [
    await die(destinationId, stream, contacts, head - 1),
    await die(destinationId, stream, mails, head),
  ];
  return { destinationId, letters };
}

test('a retry of mails that nobody expects any more has to allow them, by whichever door it comes', async () => {
  const { destinationId, letters } = await withLetters();
  const doors = [
    (more: Body) => api.call('POST', '/api/dead-letters/retry', { destinationId, ...more }),
    (more: Body) =>
      api.call('POST', '/api/dead-letters/retry', { destinationId, ids: [letters[1]], ...more }),
    (more: Body) => replay(destinationId, { mode: 'failed', ...more }),
  ];
  for (const door of doors) {
    const refused = await door({});
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'side_effects', errors: [{ detail: expect.stringContaining('sendEmail: ') }] },
    });
    expect(refused.body.detail).toContain('take up other dead letters');
    expect((await door({ allowSideEffects: ['Mails'] })).body.errors).toMatchObject([
      { pointer: '/allowSideEffects/0' },
    ]);
    // What was refused has taken nothing up.
    const open = await api.call('GET', `/api/dead-letters?destinationId=${destinationId}&open=true`);
    expect(open.body.data).toHaveLength(2);
    const made = await door({ allowSideEffects: ['sendEmail'] });
    expect(made).toMatchObject({ status: 201, body: { request: { allowSideEffects: ['sendEmail'] } } });
    await api.call('POST', `/api/replays/${made.body.id}/cancel`);
  }
});

test('a retry is asked about the actions of its own dead letters, and about no other', async () => {
  const { destinationId, letters } = await withLetters();
  const retry = (more: Body) => api.call('POST', '/api/dead-letters/retry', { destinationId, ...more });
  const made = await retry({ ids: [letters[0]] });
  expect(made).toMatchObject({ status: 201, body: { counts: { selected: 1 } } });
  await api.call('POST', `/api/replays/${made.body.id}/cancel`);
});

test('what a replay was allowed its retry may do, too; what it was not has to be allowed then', async () => {
  const { destinationId, contacts, mails, head } = await mailing();
  const scene = async (more: Body) => {
    const parent = (await replay(destinationId, more)).body.id as string;
    await api.call('POST', `/api/replays/${parent}/cancel`);
    await die(destinationId, parent, mails, head);
    return (body?: object) => api.call('POST', `/api/replays/${parent}/retry-failed`, body);
  };
  const allowed = await scene({ allowSideEffects: ['sendEmail'] });
  const made = await allowed();
  expect(made).toMatchObject({ status: 201, body: { request: { allowSideEffects: ['sendEmail'] } } });
  await api.call('POST', `/api/replays/${made.body.id}/cancel`);
  // As one whose action did nothing of the kind when it began.
  const harmless = await scene({ actions: [contacts] });
  expect((await harmless()).body.code).toBe('side_effects');
  expect((await harmless({ allowSideEffects: ['Mail'] })).status).toBe(201);
});

test('the command line says of a retry, too, what it may use', async () => {
  const { destinationId, contacts, mails, head } = await mailing();
  const parent = (await replay(destinationId, { actions: [contacts] })).body.id as string;
  await api.call('POST', `/api/replays/${parent}/cancel`);
  await die(destinationId, parent, mails, head);
  const cli = commandLine(api.url, adminToken, testFolder());
  const retry = (...more: string[]) => cli.run(['replay', 'retry-failed', parent, '--json', ...more]);
  expect(await retry()).toMatchObject({ code: 2, stderr: expect.stringContaining('side_effects') });
  const made = await retry('--allow-side-effects', 'sendEmail');
  expect(made.code, made.stderr).toBe(0);
  expect(JSON.parse(made.stdout)).toMatchObject({ request: { allowSideEffects: ['sendEmail'] } });
}, 60_000);

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
