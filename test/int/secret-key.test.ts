import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { createKeyring, seal, settingsPlace } from '../../src/destinations/secrets.ts';
import { adminToken, answered, testApi } from '../support/api.ts';
import { startApi, type ApiProcess } from '../support/api-process.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { commandsOf, runCommand } from '../support/document.ts';
import { testFolder } from '../support/folder.ts';
import { startReceiver } from '../support/receiver.ts';

const db = await testDatabase();
const newKey = () => randomBytes(32).toString('base64');
const idOf = (key: string) => createKeyring(key).current;
const loopback = { REPRISE_EGRESS_ALLOW: '127.0.0.1' };

const starterOn =
  (url: string) =>
  (current: string, ...others: string[]) =>
    startApi(url, { ...loopback, REPRISE_SECRET_KEY: current, REPRISE_OTHER_SECRET_KEYS: others.join(', ') });
const start = starterOn(db.url);

/** What a command of the guide prints that asks an API of this test. */
const run = (command: string, apiUrl: string) =>
  runCommand(command, { auth: `Authorization: Bearer ${adminToken}` }, { apiUrl });

async function stop(api: ApiProcess): Promise<void> {
  api.process.kill('SIGTERM');
  await api.exited;
}

test('the secret key is changed while processes run, and afterwards the old one opens nothing that is needed', async () => {
  const [old, fresh] = [newKey(), newKey()];
  const receiver = await startReceiver();
  const settings = { url: receiver.url, headers: { 'x-api-key': 'swordfish' } };
  const body = JSON.stringify({ type: 'webhook', name: 'Warehouse', settings, enabled: false });
  const key = randomUUID();
  const create = async (api: ApiProcess, text: string) => {
    const headers = {
      authorization: `Bearer ${adminToken}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    };
    return await answered(
      await fetch(`${api.url}/api/destinations`, { method: 'POST', headers, body: text }),
    );
  };

  const first = await start(old, fresh);
  const made = await create(first, body);
  expect(made.status).toBe(201);
  const told = await first.call('POST', '/api/notifications', { url: receiver.url });
  expect(told.status).toBe(201);
  const second = await start(fresh, old);
  expect((await second.call('GET', '/api/keys')).body).toEqual({
    current: idOf(fresh),
    known: [idOf(fresh), idOf(old)],
    sealed: [{ keyId: idOf(old), destinations: 1, keptAnswers: 1, notifications: 1 }],
  });
  const refused = await second.call('POST', '/api/keys/rotate');
  expect(refused).toMatchObject({ status: 409, body: { code: 'key_not_everywhere' } });
  expect(refused.body.detail).toContain(`api ${first.pid} on `);

  await stop(first);
  const [makes, rotates, shows] = commandsOf('docs/secret-key.md');
  expect(Buffer.from(await run(makes!, second.url), 'base64')).toHaveLength(32);
  const sealed = [{ keyId: idOf(fresh), destinations: 1, keptAnswers: 1, notifications: 1 }];
  const rotated: unknown = JSON.parse(await run(rotates!, second.url));
  expect(rotated).toMatchObject({ rewrapped: 3, unreadable: [], complete: true, sealed });
  expect(JSON.parse(await run(shows!, second.url))).toMatchObject({ current: idOf(fresh), sealed });
  expect((await second.call('POST', '/api/keys/rotate')).body).toMatchObject({
    rewrapped: 0,
    complete: true,
  });

  const third = await start(fresh);
  const tested = await third.call('POST', `/api/destinations/${made.body.id}/test`);
  expect(tested.body).toMatchObject({ ok: true });
  expect(receiver.requests.at(-1)?.headers['x-api-key']).toBe('swordfish');
  const path = `/api/notifications/${told.body.id}`;
  expect((await third.call('POST', `${path}/test`)).body).toMatchObject({ ok: true });
  // A request of before that is asked again gets its answer from who still has the key that its body was hashed with.
  const again = await create(second, body);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body).toEqual(made.body);
  expect(await create(second, body.replace('Warehouse', 'Other'))).toMatchObject({ status: 422 });
});

test('the command line changes it, too, and shows what each key seals', async () => {
  const start = starterOn((await testDatabase()).url);
  const [old, fresh] = [newKey(), newKey()];
  const first = await start(old, fresh);
  const settings = { url: (await startReceiver()).url };
  await first.call('POST', '/api/destinations', { type: 'webhook', name: 'Shed', settings, enabled: false });
  await stop(first);
  const second = await start(fresh, old);
  const cli = commandLine(second.url, adminToken, testFolder());
  const before = await cli.run(['keys', 'list']);
  expect(before.stdout).toMatch(new RegExp(`${idOf(fresh)} +current +[01] `));
  const rotated = await cli.run(['keys', 'rotate', '--json']);
  expect(rotated).toMatchObject({ code: 0 });
  expect(JSON.parse(rotated.stdout)).toMatchObject({ current: idOf(fresh), complete: true });
  expect((await cli.run(['keys', 'rotate'])).stdout).toContain('0 sealed anew');
  const after = JSON.parse((await cli.run(['keys', 'list', '--json'])).stdout);
  expect(after.sealed.map(({ keyId }: { keyId: string }) => keyId)).not.toContain(idOf(old));
});

test('what no key of this server opens stays as it is, and is named', async () => {
  const [lost, fresh] = [newKey(), newKey()];
  const db = await testDatabase();
  const api = await starterOn(db.url)(fresh);
  const { body } = await api.call('POST', '/api/destinations', {
    type: 'webhook',
    name: 'Lost',
    settings: { url: 'https://example.com/events' },
    enabled: false,
  });
  const sealed = seal({ url: 'https://example.com/' }, settingsPlace(body.id), createKeyring(lost));
  await db.run(sql`update destination set settings_sealed = ${sealed} where id = ${body.id}`);
  const answer = await api.call('POST', '/api/keys/rotate');
  expect(answer).toMatchObject({ status: 200, body: { complete: true } });
  expect(answer.body.unreadable).toContainEqual({
    kind: 'destination',
    row: [body.id],
    detail: expect.stringContaining(idOf(lost)),
  });
  const [row] = await db.rows<{ sealed: string }>(
    sql`select settings_sealed as sealed from destination where id = ${body.id}`,
  );
  expect(row?.sealed).toBe(sealed);
});

test('processes are listed while they run', async () => {
  const start = starterOn((await testDatabase()).url);
  const api = await start(newKey());
  const pids = async () =>
    (await api.call('GET', '/api/processes')).body.data.map(({ pid }: { pid: number }) => pid);
  const other = await start(newKey());
  await vi.waitFor(async () => expect(await pids()).toEqual(expect.arrayContaining([api.pid, other.pid])));
  await stop(other);
  expect(await pids()).not.toContain(other.pid);
});

test('what a deleted destination had for settings is gone, and seals nothing any more', async () => {
  const here = await testDatabase();
  const key = newKey();
  const api = await testApi(here, { secretKey: key });
  const sealed = async () => (await api.call('GET', '/api/keys')).body.sealed as unknown;
  const settings = { url: 'https://example.com/events' };
  const { body } = await api.call('POST', '/api/destinations', {
    type: 'webhook',
    name: 'Warehouse',
    settings,
  });
  expect(await sealed()).toEqual([{ keyId: idOf(key), destinations: 1, keptAnswers: 0, notifications: 0 }]);
  await api.call('DELETE', `/api/destinations/${body.id}`);
  expect(await sealed()).toEqual([]);
  const kept = () =>
    here.rows<{ settings: string }>(sql`select settings_sealed as settings from destination`);
  expect(await kept()).toEqual([{ settings: '' }]);

  // Those that were deleted before lose them by the upgrade.
  await here.run(sql`update destination set settings_sealed = 'sealed1.x.x.x.x'`);
  const upgrade = new URL('../../migrations/0055_deleted_settings.sql', import.meta.url);
  await here.run({ text: await readFile(upgrade, 'utf8'), values: [] });
  expect(await kept()).toEqual([{ settings: '' }]);
});
