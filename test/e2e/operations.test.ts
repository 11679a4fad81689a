import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { freePort } from '../../src/dev/ports.ts';
import { startPostgres } from '../../src/dev/postgres.ts';
import { startTemporal } from '../../src/dev/temporal.ts';
import { commandsOf, runCommand } from '../support/document.ts';
import { startEngineSink } from '../support/engine-sink.ts';
import { makeProductFolder, type Replay } from '../support/product.ts';
import { startTlsFront } from '../support/tls-front.ts';
import { until } from '../support/until.ts';

const guide = 'docs/operations.md';
const patience = { deadlineMs: 150_000, everyMs: 250 };
const events = 300;
const token = 'a-token-for-tests-only';
const folder = makeProductFolder();
const closing: (() => unknown)[] = [() => folder.remove()];
afterAll(async () => {
  for (const step of closing.toReversed()) await step();
});

/** The command of the guide that begins so. */
const command = (begin: string) => commandsOf(guide).find((one) => one.startsWith(begin))!;

/** A build: a folder with the sources, and `reprise` of it as a command. @returns where the command is */
function build(name: string, root: string): string {
  const bin = join(folder.path, `bin-${name}`);
  mkdirSync(bin);
  const script = `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'scripts/reprise.mjs')}' "$@"\n`;
  writeFileSync(join(bin, 'reprise'), script);
  chmodSync(join(bin, 'reprise'), 0o755);
  return bin;
}

const here = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The version after this one: a copy of it, with another number and a migration that only adds. */
function nextVersion(): string {
  const root = join(folder.path, 'next');
  for (const part of ['src', 'scripts', 'migrations', 'assets'])
    cpSync(join(here, part), join(root, part), { recursive: true });
  symlinkSync(join(here, 'node_modules'), join(root, 'node_modules'));
  const manifest = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as object;
  writeFileSync(join(root, 'package.json'), JSON.stringify({ ...manifest, version: '99.0.0' }));
  writeFileSync(join(root, 'migrations/9999_tomorrow.sql'), 'alter table run add column tomorrow text;\n');
  return root;
}

type Settings = Readonly<Record<string, string>>;

/** The variables of the guide, with the test's own address and namespace in them. */
async function temporalSettings(port: number): Promise<Settings> {
  const printed = await runCommand(`${command('export TEMPORAL_ADDRESS')}\nenv`, {});
  const told = [...printed.matchAll(/^(TEMPORAL_TLS_\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ]);
  expect(told.length).toBeGreaterThan(1);
  return {
    ...(Object.fromEntries(told) as Settings),
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'server.pem',
    TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    TEMPORAL_NAMESPACE: 'default',
  };
}

/** Starts the processes of the guide. @returns them, once they serve */
async function startAll(bin: string, settings: Settings): Promise<ChildProcess[]> {
  const lines = command('reprise api').split('\n');
  expect(lines).toHaveLength(3);
  return await Promise.all(lines.map((line) => start(line, bin, settings).serving));
}

function start(line: string, bin: string, settings: Settings) {
  const env = { ...process.env, ...settings, PATH: `${bin}:${process.env['PATH']}` };
  const child = spawn('bash', ['-c', `exec ${line}`], {
    cwd: folder.path,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece: Buffer) => (said += piece.toString()));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  closing.push(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const ready = () => /"msg":"ready"/.test(said) || child.exitCode !== null;
  const serving = until(`${line} serves`, ready, Boolean, patience).then(() => {
    expect(child.exitCode, said).toBeNull();
    return child;
  });
  serving.catch(() => undefined);
  return { serving, exited, said: () => said };
}

test('the guide: mutual TLS to Temporal, an upgrade amid a replay, a checkpoint that is moved', async () => {
  const postgres = await startPostgres({ dataDir: join(folder.path, 'postgres') });
  closing.push(() => postgres.stop());
  const temporal = await startTemporal({ dataDir: join(folder.path, 'temporal') });
  closing.push(() => temporal.stop());
  const tls = await startTlsFront(temporal.port, folder.path, { asksForCertificate: true });
  closing.push(() => tls.close());
  const [oldPort, newPort] = [await freePort(), await freePort()];
  const common: Settings = {
    ...(await temporalSettings(tls.port)),
    DATABASE_URL: postgres.url,
    REPRISE_ADMIN_TOKEN: token,
    REPRISE_SECRET_KEY: randomBytes(32).toString('base64'),
    REPRISE_EGRESS_ALLOW: '127.0.0.1',
    REPRISE_TOKEN: token,
    REPRISE_DATA_DIR: join(folder.path, 'none'),
  };
  const old = { ...common, PORT: String(oldPort), REPRISE_API_URL: `http://127.0.0.1:${oldPort}` };
  const fresh = { ...common, PORT: String(newPort), REPRISE_API_URL: `http://127.0.0.1:${newPort}` };
  const [oldBin, newBin] = [build('old', here), build('new', nextVersion())];
  const run = (text: string, bin: string, settings: Settings) =>
    runCommand(
      text,
      { ...settings, PATH: `${bin}:${process.env['PATH']}`, NO_COLOR: '1' },
      { cwd: folder.path, apiUrl: settings['REPRISE_API_URL']! },
    );

  const early = start('reprise worker delivery', oldBin, old);
  expect(await early.exited).not.toBe(0);
  expect(early.said()).toContain('Run `reprise migrate`');
  await run(command('reprise migrate'), oldBin, old);
  const olds = await startAll(oldBin, old);
  const [status, ...checks] = command('reprise status').split('\n');
  expect(await run(status!, oldBin, old)).toMatch(/Schema +current/);
  const doctor = await run(checks.join('\n'), oldBin, old);
  expect(doctor).toMatch(/✓ Namespace: default is there/);
  expect(doctor).toMatch(/✓ Search attributes: known/);

  const call = async <T>(path: string, body?: unknown, url = fresh.REPRISE_API_URL) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    return (await (await fetch(url + path, { headers, ...sent })).json()) as T;
  };
  const source = await call<{ writeKey: string }>('/api/sources', { name: 'Shop' }, old.REPRISE_API_URL);
  const batch = Array.from({ length: events }, (_, n) => ({
    type: 'track',
    event: 'Sold',
    userId: `user-${n % 20}`,
    messageId: `m-${n}`,
  }));
  await call('/v1/batch', { writeKey: source.writeKey, batch }, old.REPRISE_API_URL);
  const sink = await startEngineSink();
  sink.answer = ({ messageId }) => (messageId === 'm-3' ? 500 : 200);
  const settings = { url: sink.url };
  const { id: destinationId } = await call<{ id: string }>(
    '/api/destinations',
    { type: 'webhook', name: 'Sink', settings },
    old.REPRISE_API_URL,
  );
  const asked = { destinationId, pace: { eventsPerSecond: 1.5 } };
  const replay = await call<Replay>('/api/replays', asked, old.REPRISE_API_URL);
  await until(
    'some have arrived',
    () => sink.taken().size,
    (size) => size > 10,
    patience,
  );

  await run(command('reprise migrate'), newBin, fresh);
  expect(await call('/readyz', undefined, old.REPRISE_API_URL)).toMatchObject({ schema: 'ahead' });
  await startAll(newBin, fresh);
  expect(await run(status!, newBin, fresh)).toMatch(
    /2 api, 2 orchestration, 2 delivery \([\d.]+, 99\.0\.0\)/,
  );
  const before = sink.taken().size;
  for (const { pid } of olds) await run(command('kill -TERM'), newBin, { ...fresh, pid: String(pid) });
  await Promise.all(olds.map(async (one) => one.exitCode ?? (await once(one, 'exit'))));
  expect(olds.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
  expect(before, 'the replay was under way').toBeLessThan(events - 10);

  const faster = ['replay', 'set-rate', replay.id, 'none'].join(' ');
  await run(`reprise ${faster}`, newBin, fresh);
  const reading = () => call<Replay>(`/api/replays/${replay.id}`);
  await until(
    'one event is left, and waits',
    reading,
    ({ statusReason }) => statusReason === 'retrying',
    patience,
  );
  const variables = { ...fresh, replay: replay.id };
  expect(await run(command('reprise replay lanes'), newBin, variables)).toMatch(/position 4 {2}http_500/);
  const given = await run(command('reprise replay give-up'), newBin, { ...variables, position: '4' });
  expect(given).toBe('1 delivery is a dead letter now\n');
  const isOver = ({ status: stands }: Replay) => stands === 'completed_with_failures';
  const ended = await until('the replay ends', reading, isOver, patience);
  expect(ended.counts).toMatchObject({ delivered: events - 1, dead: 1, waiting: 0, remaining: 0 });
  expect(
    [...sink.taken().values()].filter((times) => times > 1),
    'nothing was sent twice',
  ).toEqual([]);

  sink.answer = () => 200;
  await run(command('reprise replay retry-failed'), newBin, variables);
  expect(sink.taken().size).toBe(events);
  expect(tls.connections()).toBeGreaterThan(6); // of every process, and of `doctor`
}, 600_000);
