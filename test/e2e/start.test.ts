import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { freePort } from '../../src/dev/ports.ts';
import { testFolder } from '../support/folder.ts';
import { isRunning, startProcess } from '../support/processes.ts';

const folder = join(testFolder(), 'data');
const entry = new URL('../../src/dev/start.ts', import.meta.url);
const startTimeout = { timeout: 120_000, interval: 100 };
const children = ['api', 'delivery-1', 'delivery-2', 'demo-destination', 'orchestration'];

/** `npm start` without npm, in a group of its own as a terminal gives it one. */
async function start(environment: Record<string, string> = {}) {
  const started = startProcess(
    entry,
    { PORT: String(await freePort()), REPRISE_DATA_DIR: folder, REPRISE_SEED_EVENTS: '500', ...environment },
    { detached: true },
  );
  const ended = started.exited.then((end) => {
    throw new Error(`it ended (${end}):\n${started.output()}`);
  });
  ended.catch(() => undefined); // only of interest while the banner is waited for
  await Promise.race([expect.poll(started.output, startTimeout).toContain('ready in'), ended]);
  const api = /Admin API +(http:\S+)\/api/.exec(started.output())?.[1] ?? 'no address';
  const demo = /Demo CRM +(http:\S+)/.exec(started.output())?.[1] ?? 'no address';
  return { ...started, api, demo };
}

function pidIn(...path: string[]): number {
  return (JSON.parse(readFileSync(join(folder, ...path), 'utf8')) as { pid: number }).pid;
}

/** Every process that a start has running, by name. */
function processes(): Record<string, number> {
  const noted = readdirSync(join(folder, 'processes')).map((name) => [name, pidIn('processes', name)]);
  const postmaster = readFileSync(join(folder, 'postgres', 'cluster', 'postmaster.pid'), 'utf8');
  return {
    ...(Object.fromEntries(noted) as Record<string, number>),
    temporal: pidIn('temporal', 'process'),
    postgres: Number(postmaster.split('\n', 1)[0]),
  };
}

// A test that fails half-way kills its start; these are what a kill leaves running.
afterAll(() => {
  const { temporal, postgres } = existsSync(join(folder, 'temporal', 'process')) ? processes() : {};
  for (const pid of [temporal, postgres])
    if (pid !== undefined && isRunning(pid)) process.kill(pid, 'SIGINT');
});

function expectNothingLeft(pids: Record<string, number>): void {
  expect(Object.entries(pids).filter(([, pid]) => isRunning(pid))).toEqual([]);
  expect(existsSync(join(folder, 'lock'))).toBe(false);
  expect(readdirSync(join(folder, 'processes'))).toEqual([]);
}

test('one command brings up everything, and Ctrl-C takes all of it down', async () => {
  const first = await start();
  const running = processes();
  expect(Object.keys(running).sort()).toEqual([...children, 'postgres', 'temporal'].sort());
  expect(first.output()).toContain('500 events');
  expect((await fetch(`${first.api}/readyz`)).status).toBe(200);
  expect((await fetch(`${first.demo}/stats`)).status).toBe(200);

  const second = startProcess(entry, { REPRISE_DATA_DIR: folder });
  expect(await second.exited).not.toBe(0);
  expect(second.output()).toContain(`(process ${first.pid}) at ${first.api}`);

  const killed = running['delivery-1'] ?? 0;
  process.kill(killed, 'SIGKILL');
  await expect.poll(first.output, startTimeout).toContain('delivery-1 ended (SIGKILL)');
  await expect.poll(first.output, startTimeout).toContain('delivery-1 runs again');
  const replaced = processes();
  expect(replaced['delivery-1']).not.toBe(killed);

  process.kill(-first.pid, 'SIGINT'); // the terminal's, to the whole group
  await expect.poll(first.output, { interval: 5, timeout: 30_000 }).toContain('Stopping');
  first.process.kill('SIGINT'); // npm's, which passes on its own
  expect(await first.exited).toBe(0);
  expect(first.output()).not.toContain('Not waiting any longer');
  expectNothingLeft({ ...running, ...replaced });
});

test('the data is there at the next start, and nothing is loaded again', async () => {
  const again = await start({ REPRISE_SEED_EVENTS: '700' });
  expect(again.output()).toContain('500 events');
  expect(again.output()).not.toContain('Loading the demo shop');
  const token = readFileSync(join(folder, 'admin-token'), 'utf8');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const sources = await fetch(`${again.api}/api/sources`, { headers });
  expect(await sources.text()).toContain('wk_demo_shop');
  const destination = { type: 'webhook', name: 'Shed', settings: { url: again.demo }, enabled: false };
  const made = { method: 'POST', headers, body: JSON.stringify(destination) };
  expect((await fetch(`${again.api}/api/destinations`, made)).status).toBe(201);
  const running = processes();
  again.process.disconnect(); // as when a test run that started it is killed
  expect(await again.exited).toBe(0);
  expectNothingLeft(running);
});

test('after a kill the children end by themselves, and the next start takes over what is left', async () => {
  const killed = await start();
  const before = processes();
  killed.process.kill('SIGKILL');
  await killed.exited;
  const childrenLeft = () => children.filter((name) => isRunning(before[name] ?? 0));
  await expect.poll(childrenLeft, { timeout: 15_000, interval: 100 }).toEqual([]);
  expect(isRunning(before['postgres'] ?? 0)).toBe(true);

  const next = await start();
  expect(next.output()).toContain('500 events');
  expect(isRunning(before['postgres'] ?? 0)).toBe(false);
  expect(isRunning(before['temporal'] ?? 0)).toBe(false);
  const after = processes();
  next.process.kill('SIGTERM');
  expect(await next.exited).toBe(0);
  expectNothingLeft(after);
});

test('a start that cannot work says why, and leaves nothing behind', async () => {
  const failing = startProcess(entry, {
    REPRISE_DATA_DIR: folder,
    DATABASE_URL: `postgres://nobody:wrong@127.0.0.1:${await freePort()}/none`,
  });
  expect(await failing.exited).toBe(1);
  expect(failing.output()).toContain('DATABASE_URL names cannot be used: connect ECONNREFUSED');
  expect(existsSync(join(folder, 'lock'))).toBe(false);
  expect(readdirSync(join(folder, 'processes'))).toEqual([]);

  const key = randomBytes(32).toString('base64');
  const foreign = startProcess(entry, { REPRISE_DATA_DIR: folder, REPRISE_SECRET_KEY: key });
  expect(await foreign.exited).toBe(1);
  expect(foreign.output()).toContain('REPRISE_SECRET_KEY is wrong for this database');
  expect(foreign.output()).toContain('secret-key is the right one: start without REPRISE_SECRET_KEY');
  expect(foreign.output()).not.toContain(key);
  expect(readdirSync(join(folder, 'processes'))).toEqual([]);

  const misconfigured = startProcess(entry, { REPRISE_DATA_DIR: folder, REPRISE_WORKERS: 'many' });
  expect(await misconfigured.exited).toBe(1);
  expect(misconfigured.output()).toContain('REPRISE_WORKERS');
});
