import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

const db = await testDatabase();
const secretKey = randomBytes(32).toString('base64');
const api = await testApi(db, { secretKey });
const ann = (await api.call('POST', '/api/tokens', { name: 'Ann', role: 'admin' })).body;
const asAnn = { authorization: `Bearer ${ann.token}` };
const as = async (method: string, path: string, body?: unknown, headers = {}) =>
  await api.call(method, path, body, { ...asAnn, ...headers });
// oxlint-disable-next-line typescript/no-explicit-any -- tests look into whatever came
const audit = async (query = ''): Promise<any[]> => (await api.call('GET', `/api/audit?${query}`)).body.data;
const newest = async () => (await audit('limit=1'))[0];
const check = async (cursor?: string) =>
  (await api.call('GET', `/api/audit/check${cursor === undefined ? '' : `?cursor=${cursor}`}`)).body;

describe('a change is listed', () => {
  test('with who made it, when, its request, and how things were before and after', async () => {
    const made = await as('POST', '/api/sources', { name: 'Shop' }, { 'x-request-id': 'req-1' });
    expect(await newest()).toMatchObject({
      actor: { tokenId: ann.id, name: 'Ann' },
      action: 'createSource',
      route: 'POST /api/sources',
      resource: `/api/sources/${made.body.id}`,
      requestId: 'req-1',
      request: { body: { name: 'Shop' } },
      result: 'done',
      status: 201,
      before: null,
      after: { name: 'Shop', writeKey: '[masked]' },
    });
    await as('PATCH', `/api/sources/${made.body.id}`, { name: 'Web shop' });
    const changed = await newest();
    expect(changed).toMatchObject({
      action: 'changeSource',
      before: { name: 'Shop' },
      after: { name: 'Web shop' },
      changed: ['name'],
    });
    expect((await api.call('GET', `/api/audit/${changed.number}`)).body).toEqual(changed);
    await as('DELETE', `/api/sources/${made.body.id.toUpperCase()}`);
    expect(await newest()).toMatchObject({
      action: 'deleteSource',
      resource: `/api/sources/${made.body.id}`,
      before: { name: 'Web shop' },
      after: null,
      status: 204,
    });
  });

  test('when it is refused for how things are, and not when its fields are', async () => {
    const path = `/api/replays/${randomUUID()}/pause`;
    await as('POST', path);
    expect(await newest()).toMatchObject({
      action: 'pauseReplay',
      resource: path.replace('/pause', ''),
      result: 'refused',
      status: 404,
      code: 'not_found',
    });
    const before = await newest();
    await as('POST', '/api/sources', { nmae: 'x' });
    await as('GET', '/api/sources');
    expect(await newest()).toEqual(before);
  });

  test('by the environment under that name', async () => {
    await api.call('POST', '/api/sources', { name: 'Env' });
    expect((await newest()).actor).toEqual({ tokenId: null, name: 'environment' });
  });
});

describe('settings, which nothing answers, are named where they changed', () => {
  const canary = () => `canary-${randomUUID()}`;
  const headers = { 'x-auth': canary(), 'x-same': canary() };
  const settings = { url: `https://example.com/${canary()}`, headers, secret: `whsec_${'A'.repeat(40)}` };
  const masked = '[masked]';

  test('of a destination', async () => {
    const made = await as('POST', '/api/destinations', { type: 'webhook', name: 'W', settings });
    const at = `/api/destinations/${made.body.id}`;
    const change = { url: settings.url, secret: null, timeoutMs: 900, headers: { 'x-auth': canary() } };
    expect((await as('PATCH', at, { settings: change })).status).toBe(200);
    const entry = await newest();
    const named = entry.changed.filter((name: string) => name.startsWith('settings.'));
    expect(named.toSorted()).toEqual(['settings.headers.x-auth', 'settings.secret', 'settings.timeoutMs']);
    const changed = { headers: { 'x-auth': masked }, secret: masked, timeoutMs: masked };
    expect([entry.before.settings, entry.after.settings]).toEqual([changed, changed]);
    expect(entry.after.name).toBe('W');
    await as('PATCH', at, { settings: { headers: { 'x-auth': null, 'x-new': canary() } } });
    const { before, after, changed: names } = await newest();
    expect(names).toEqual(expect.arrayContaining(['settings.headers.x-auth', 'settings.headers.x-new']));
    expect(before.settings).toEqual({ headers: { 'x-auth': masked } });
    expect(after.settings).toEqual({ headers: { 'x-new': masked } });
    await as('PATCH', at, { settings: { url: settings.url }, name: 'Same' });
    expect((await newest()).changed.toSorted()).toEqual(['name', 'updatedAt']);
    expect(JSON.stringify(await audit('limit=200'))).not.toContain('canary-');
  });

  test('of a notification', async () => {
    const made = await as('POST', '/api/notifications', { url: settings.url, secret: settings.secret });
    const at = `/api/notifications/${made.body.id}`;
    await as('PATCH', at, { secret: `whsec_${'B'.repeat(40)}` });
    expect(await newest()).toMatchObject({
      changed: expect.arrayContaining(['secret']),
      before: { secret: masked },
      after: { secret: masked },
    });
    await as('PATCH', at, { url: `https://example.com/${canary()}` });
    const { changed, before, after } = await newest();
    expect(changed).toContain('url');
    expect([before.url, after.url]).toEqual(Array(2).fill('https://example.com/[masked]'));
    expect(JSON.stringify(await audit('limit=200'))).not.toContain('canary-');
  });
});

test('nothing secret or personal is kept', async () => {
  const canary = () => `canary-${randomUUID()}`;
  const [path, header, secret, user] = [canary(), canary(), `whsec_${'A'.repeat(40)}`, canary()];
  const settings = { url: `https://example.com/${path}`, headers: { 'x-auth': header }, secret };
  const made = await as('POST', '/api/destinations', { type: 'webhook', name: 'W', settings });
  expect(made.status).toBe(201);
  const at = `/api/destinations/${made.body.id}`;
  await as('PATCH', at, { settings: { headers: { 'x-auth': canary() } }, name: 'W2' });
  expect(await newest()).toMatchObject({
    request: { body: { name: 'W2', settings: { headers: { 'x-auth': '[masked]' } } } },
    changed: expect.arrayContaining(['name']),
  });
  await as('POST', '/api/suppressions', { userId: user });
  await as('POST', '/api/replays', { destinationId: made.body.id, filter: { users: [user] } });
  const source = (await as('POST', '/api/sources', { name: 'S' })).body;
  const rotated = (await as('POST', `/api/sources/${source.id}/rotate-key`)).body;
  const token = (await as('POST', '/api/tokens', { name: 'T', role: 'viewer' })).body.token;
  const [kept] = await db.rows<{ text: string }>(
    sql`select string_agg(a::text, ' ') as text from audit_entry a`,
  );
  expect(kept!.text).toContain('W2');
  expect(kept!.text).not.toMatch(/canary-|wk_|whsec_|rpt_/);
  for (const one of [user, source.writeKey, rotated.writeKey, token]) expect(kept!.text).not.toContain(one);
});

test('a user and a password in an address are not kept, refused as it is', async () => {
  const made = await as('POST', '/api/notifications', { url: 'https://example.com/x' });
  for (const url of [
    'http://u:PWSECRET@localhost:7901/',
    '//u:PWSECRET@localhost',
    'kafka://PWSECRET@b:1?',
  ]) {
    expect((await as('POST', '/api/notifications', { url, name: 'n3' })).status).toBe(422);
    expect((await newest()).request.body.name).toBe('n3');
    expect((await as('PATCH', `/api/notifications/${made.body.id}`, { url })).status).toBe(422);
    expect(await newest()).toMatchObject({ action: 'changeNotification', result: 'refused' });
  }
  const [kept] = await db.rows<{ text: string }>(
    sql`select string_agg(a::text, ' ') as text from audit_entry a`,
  );
  expect(kept!.text).not.toContain('PWSECRET');
});

describe('the list', () => {
  test('has filters by actor, action, address and time, and pages', async () => {
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const all = await audit('limit=200');
    const count = async (query: string) => (await audit(`limit=200&${query}`)).length;
    const of = (is: (entry: (typeof all)[number]) => boolean) => all.filter(is).length;
    expect(await count('actor=Ann')).toBe(of((one) => one.actor.name === 'Ann'));
    expect(await count(`actor=${ann.id}`)).toBe(of((one) => one.actor.name === 'Ann'));
    expect(await count('actor=nobody')).toBe(0);
    expect(await count('action=createSource')).toBe(of((one) => one.action === 'createSource'));
    expect(await count('resource=/api/sources')).toBe(of((one) => one.resource.startsWith('/api/sources')));
    expect(await count(`resource=${all[0].resource}`)).toBe(of((one) => one.resource === all[0].resource));
    expect(await count(`from=${from}`)).toBe(all.length);
    expect(await count(`to=${from}`)).toBe(0);
    const first = (await api.call('GET', '/api/audit?limit=2')).body;
    const second = (await api.call('GET', `/api/audit?limit=2&cursor=${first.nextCursor}`)).body;
    expect([...first.data, ...second.data]).toEqual(all.slice(0, 4));
  });
});

describe('the log', () => {
  test.each(['update audit_entry set action = action', 'delete from audit_entry', 'truncate audit_entry'])(
    'refuses %s',
    async (statement) => {
      await expect(db.pool.query(statement)).rejects.toThrow('only ever added to');
    },
  );

  test('is in one chain, however many write at once', async () => {
    const names = Array.from({ length: 40 }, (_, at) => `many ${at}`);
    await Promise.all(names.map((name) => as('POST', '/api/sources', { name })));
    const [rows] = await db.rows<{ count: number }>(sql`select count(*) as count from audit_entry`);
    const found = await check();
    expect(found).toMatchObject({ intact: true, broken: null, checked: rows!.count, nextCursor: null });
    expect(found.last.number).toBe(rows!.count);
  });

  const middle = 7;
  test.each([
    [
      'changed',
      `update audit_entry set content = content || '{"status": 204}' where number = ${middle}`,
      middle,
    ],
    ['given to another', `update audit_entry set actor_name = 'Ben' where number = ${middle}`, middle],
    ['taken out', `delete from audit_entry where number = ${middle}`, middle + 1],
  ])('shows a row that was %s', async (_, statement, broken) => {
    await meddling(statement, async () => expect(await check()).toMatchObject({ intact: false, broken }));
    expect((await check()).intact).toBe(true);
  });

  /** Does to the log what only the owner of the table can, and takes it back. */
  async function meddling(statement: string, look: () => Promise<void>): Promise<void> {
    const client = await db.pool.connect();
    try {
      await client.query('create table kept as select * from audit_entry');
      await client.query('alter table audit_entry disable trigger user');
      await client.query('alter table audit_entry drop constraint audit_entry_ends_fkey');
      await client.query(statement);
      await look();
      await client.query('truncate audit_entry');
      await client.query('insert into audit_entry select * from kept');
    } finally {
      await client.query('drop table kept');
      await client.query(
        'alter table audit_entry add constraint audit_entry_ends_fkey foreign key (ends) references audit_entry (number)',
      );
      await client.query('alter table audit_entry enable trigger user');
      client.release();
    }
  }
});

test('what cannot be written down is not done', async () => {
  const count = async () =>
    (await db.rows<{ count: number }>(sql`select count(*) as count from source`))[0]!.count;
  const before = await count();
  await db.pool.query('alter table audit_entry rename to away');
  const refused = await as('POST', '/api/sources', { name: 'Unseen' });
  await db.pool.query('alter table away rename to audit_entry');
  expect([refused.status, await count()]).toEqual([500, before]);
});

test('a process that is killed leaves no change that is not listed', async () => {
  const process = await startApi(db.url, { REPRISE_SECRET_KEY: secretKey }); // its pool has as many connections as there are senders
  const senders = Array.from({ length: 8 }, async (_, sender) => {
    for (let at = 0; ; at += 1) {
      const answer = await process
        .call('POST', '/api/sources', { name: `killed ${sender} ${at}` })
        .catch(() => null);
      if (answer === null) return;
    }
  });
  const made = () => db.rows<{ name: string }>(sql`select name from source where name like 'killed %'`);
  await until('some are made', made, (rows) => rows.length >= 20, { everyMs: 5 });
  // All of them stand at the log, before or after what they do, when the process is killed.
  const holder = await db.pool.connect();
  await holder.query('begin; select pg_advisory_xact_lock(4712386)');
  const standing = () => db.rows(sql`select 1 from pg_locks where locktype = 'advisory' and not granted`);
  await until('all of them stand', standing, (locks) => locks.length === senders.length, { everyMs: 5 });
  process.process.kill('SIGKILL');
  await Promise.all([process.exited, ...senders]);
  // Postgres would end what its sessions had begun.
  await holder.query(
    "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted",
  );
  await holder.query('rollback');
  holder.release();
  await until('their sessions are gone', standing, (locks) => locks.length === 0);
  const listed = new Set(
    (
      await db.rows<{ name: string }>(sql`
        select content->'body'->>'name' as name from audit_entry where action = 'createSource' and ends is null`)
    ).map((row) => row.name),
  );
  const rows = await made();
  expect(rows.length).toBeGreaterThanOrEqual(20);
  expect(rows.filter(({ name }) => !listed.has(name))).toEqual([]);
  expect((await check()).intact).toBe(true);
  expect(
    (await audit('action=createSource&limit=200')).every((one) => one.request.body.name !== undefined),
  ).toBe(true);
});
