import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from '../../src/dev/postgres.ts';
import { testFolder } from '../support/folder.ts';
import { isRunning, startProcess } from '../support/processes.ts';

const folder = testFolder(); // closed to all but its owner, so root's Postgres has to pass by file permissions
const dataDir = join(folder, 'postgres');
const pidFile = join(dataDir, 'cluster', 'postmaster.pid');
const postmaster = () => Number(readFileSync(pidFile, 'utf8').split('\n', 1)[0]);

async function query<T>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end();
  }
}

/** A process that starts Postgres on the folder and is killed before it can stop it. */
async function leaveOrphan(): Promise<number> {
  const entry = join(folder, 'orphan.ts');
  const source = new URL('../../src/dev/postgres.ts', import.meta.url).href;
  writeFileSync(
    entry,
    `import { startPostgres } from ${JSON.stringify(source)};
     await startPostgres({ dataDir: ${JSON.stringify(dataDir)} });
     process.send({ ready: true });`,
  );
  const child = startProcess(new URL(`file://${entry}`), {});
  await child.ready;
  child.process.kill('SIGKILL');
  await child.exited;
  return postmaster();
}

test('what was written is there at the next start, under the same password', async () => {
  const first = await startPostgres({ dataDir });
  await query(first.url, 'create table kept as select 1 as n');
  await first.stop();
  expect(existsSync(pidFile)).toBe(false);
  const second = await startPostgres({ dataDir });
  expect(await query(second.url, 'select n from kept')).toEqual([{ n: 1 }]);
  expect(new URL(second.url).password).toBe(new URL(first.url).password);
  await second.stop();
});

test('its password and log are for the owner only, and it listens on loopback only', async () => {
  expect(statSync(join(dataDir, 'password')).mode & 0o777).toBe(0o600);
  expect(statSync(join(dataDir, 'log')).mode & 0o777).toBe(0o600);
  const server = await startPostgres({ dataDir });
  const settings = `select name, setting from pg_settings
    where name in ('listen_addresses', 'unix_socket_directories', 'server_encoding', 'TimeZone', 'password_encryption')
    order by lower(name)`;
  expect(await query(server.url, settings)).toEqual([
    { name: 'listen_addresses', setting: '127.0.0.1' },
    { name: 'password_encryption', setting: 'scram-sha-256' },
    { name: 'server_encoding', setting: 'UTF8' },
    { name: 'TimeZone', setting: 'UTC' },
    { name: 'unix_socket_directories', setting: '' },
  ]);
  await expect(query(server.url.replace(/:[^:@]+@/, ':wrong@'), 'select 1')).rejects.toThrow(/password/);
  await server.stop();
});

test('one that a killed start left behind is stopped first', async () => {
  const orphan = await leaveOrphan();
  expect(isRunning(orphan)).toBe(true);
  const server = await startPostgres({ dataDir });
  expect(isRunning(orphan)).toBe(false);
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 1 }]);
  await server.stop();
});

test('a postmaster.pid whose pid is another program by now does not hinder', async () => {
  const orphan = await leaveOrphan();
  process.kill(orphan, 'SIGKILL');
  await expect.poll(() => isRunning(orphan)).toBe(false);
  const left = readFileSync(pidFile, 'utf8');
  writeFileSync(pidFile, left.replace(String(orphan), String(process.pid)));
  const server = await startPostgres({ dataDir });
  expect(isRunning(process.pid)).toBe(true);
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 1 }]);
  await server.stop();
});

test('when the usual port is taken, the next one is', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const server = await startPostgres({ dataDir, port });
  expect(server.port).toBeGreaterThan(port);
  await server.stop();
  other.close();
});

test('one that dies is noticed, one that is stopped is not', async () => {
  let told = 0;
  const first = await startPostgres({ dataDir });
  first.onExit(() => (told += 1));
  await first.stop();
  const second = await startPostgres({ dataDir });
  second.onExit(() => (told += 1));
  process.kill(postmaster(), 'SIGKILL');
  await expect.poll(() => told).toBe(1);
  const third = await startPostgres({ dataDir }); // right after the kill, while its backends are still ending
  expect(await query(third.url, 'select n from kept')).toEqual([{ n: 1 }]);
  await third.stop();
});

test('a first start that was killed half-way is begun again', async () => {
  const half = join(folder, 'half');
  mkdirSync(join(half, 'cluster.new'), { recursive: true });
  writeFileSync(join(half, 'cluster.new', 'PG_VERSION'), '18\n');
  chmodSync(half, 0o755);
  const server = await startPostgres({ dataDir: half });
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
});

test('data of a version that is not here is left alone, with an error that says so', async () => {
  const old = join(folder, 'old');
  mkdirSync(join(old, 'cluster'), { recursive: true });
  writeFileSync(join(old, 'cluster', 'PG_VERSION'), '9\n');
  await expect(startPostgres({ dataDir: old })).rejects.toThrow(
    /Postgres 9, which made this data, was not found/,
  );
});
