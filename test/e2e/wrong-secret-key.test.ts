import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../src/dev/ports.ts';
import { createKeyring } from '../../src/destinations/secrets.ts';
import { startApi, type ApiProcess } from '../support/api-process.ts';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { startProcess } from '../support/processes.ts';

const newKey = () => randomBytes(32).toString('base64');
const idOf = (key: string) => createKeyring(key).current;
const settings = { url: 'https://example.com/events' };

const destination = (name: string) => ({ type: 'webhook', name, settings, enabled: false });

async function stop(api: ApiProcess): Promise<void> {
  api.process.kill('SIGTERM');
  await api.exited;
}

/** A database in which one key has sealed a destination, and the destination. */
async function sealedDatabase(secretKey: string) {
  const db = await testDatabase();
  const api = await testApi(db, { secretKey });
  const made = await api.call('POST', '/api/destinations', destination('Warehouse'));
  expect(made.status).toBe(201);
  return { url: db.url, id: made.body.id as string };
}

/** How a process ends that is given these keys, and what it has said. */
async function refusal(role: 'api/main' | 'workers/delivery', environment: Record<string, string>) {
  const started = startProcess(new URL(`../../src/${role}.ts`, import.meta.url), {
    PORT: '0',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    REPRISE_ADMIN_TOKEN: adminToken,
    ...environment,
  });
  return { code: await started.exited, said: started.output() };
}

test('API and delivery do not start with a key that opens nothing, and say which key does', async () => {
  const [right, wrong] = [newKey(), newKey()];
  const { url } = await sealedDatabase(right);
  for (const role of ['api/main', 'workers/delivery'] as const) {
    const { code, said } = await refusal(role, { DATABASE_URL: url, REPRISE_SECRET_KEY: wrong });
    expect(code).toBe(1);
    expect(said).toContain('REPRISE_SECRET_KEY is wrong for this database');
    expect(said).toContain(`1 destination with the key ${idOf(right)}`);
    expect(said).toContain(`The key of this process has the id ${idOf(wrong)}`);
    expect(said).toContain(`REPRISE_LOST_SECRET_KEYS=${idOf(right)}`);
    expect(said).not.toContain('"ready"');
    for (const key of [right, wrong]) expect(said).not.toContain(key);
  }
  const doctor = async (key: string) =>
    await commandLine('http://127.0.0.1:1', adminToken, testFolder()).run(['doctor'], {
      DATABASE_URL: url,
      REPRISE_SECRET_KEY: key,
    });
  expect((await doctor(wrong)).stdout).toMatch(
    /✗ Secret key of this environment: does not open 1 destination with the key \S+, and nothing else/,
  );
  expect((await doctor(right)).stdout).toContain('✓ Secret key of this environment');
});

test('within a change of the key each process starts that opens a part, and says what stays closed', async () => {
  const [old, fresh] = [newKey(), newKey()];
  const { url, id } = await sealedDatabase(old);
  const both = await startApi(url, { REPRISE_SECRET_KEY: fresh, REPRISE_OTHER_SECRET_KEYS: old });
  expect((await both.call('GET', `/api/destinations/${id}`)).body.settingsSet).toContain('url');
  expect(both.output()).not.toContain('stay closed');
  await both.call('POST', '/api/destinations', destination('Shed'));
  const late = await startApi(url, { REPRISE_SECRET_KEY: old });
  expect(late.output()).toContain(
    `settings stay closed to REPRISE_SECRET_KEY: 1 destination with the key ${idOf(fresh)}`,
  );
  const cli = commandLine(late.url, adminToken, testFolder());
  expect((await cli.run(['doctor'])).stdout).toContain('✗ Secret key: does not open the settings of Shed');
  await stop(late);
  expect((await both.call('POST', '/api/keys/rotate')).body).toMatchObject({ complete: true, rewrapped: 1 });
  const behind = await refusal('api/main', { DATABASE_URL: url, REPRISE_SECRET_KEY: old });
  expect(behind).toMatchObject({
    code: 1,
    said: expect.stringContaining(`2 destinations with the key ${idOf(fresh)}`),
  });
});

test('a key that is lost is given up by its id, and the destination gets its settings anew', async () => {
  const [lost, fresh] = [newKey(), newKey()];
  const { url, id } = await sealedDatabase(lost);
  const own = { DATABASE_URL: url, REPRISE_SECRET_KEY: fresh };
  const other = await refusal('api/main', { ...own, REPRISE_LOST_SECRET_KEYS: idOf(newKey()) });
  expect(other.code).toBe(1);
  const api = await startApi(url, { ...own, REPRISE_LOST_SECRET_KEYS: idOf(lost) });
  expect(api.output()).toContain('settings stay closed');
  const path = `/api/destinations/${id}`;
  expect((await api.call('GET', path)).body.settingsSet).toBeNull();
  for (const part of [{}, { batchSize: 2 }])
    expect((await api.call('PATCH', path, { settings: part })).body.code).toBe('settings_unreadable');
  const anew = await api.call('PATCH', path, { settings });
  expect(anew).toMatchObject({ status: 200, body: { generated: { secret: expect.any(String) } } });
  await stop(api);
  const next = await startApi(url, own);
  expect((await next.call('GET', path)).body.settingsSet).toContain('url');
  expect(next.output()).not.toContain('stay closed');
});

test('one that started while Postgres was away ends once it is there', async () => {
  const { url } = await sealedDatabase(newKey());
  const door = new URL(url);
  const port = await freePort();
  const through = new URL(url);
  [through.hostname, through.port] = ['127.0.0.1', String(port)];
  const api = await startApi(through.href);
  const relay = createServer((socket) => {
    const server = connect(Number(door.port), door.hostname);
    socket.pipe(server).pipe(socket);
    for (const [one, other] of [
      [socket, server],
      [server, socket],
    ] as const)
      one.on('error', () => other.destroy());
  }).listen(port, '127.0.0.1');
  onTestFinished(() => void relay.close());
  expect(await api.exited).toBe(1);
  expect(api.output()).toContain('REPRISE_SECRET_KEY is wrong for this database');
});
