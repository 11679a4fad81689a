import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { freePort } from '../../src/dev/ports.ts';
import { startTemporal } from '../../src/dev/temporal.ts';
import { answered } from '../support/api.ts';
import { flawless, judge, repeatsOf, type FaultLine } from '../support/checker.ts';
import { testDatabase } from '../support/database.ts';
import { startProcess } from '../support/processes.ts';
import { makeProductFolder } from '../support/product.ts';
import { startSink } from '../support/sink.ts';
import { composed, startCluster } from '../support/temporal-cluster.ts';
import { builtServer } from '../support/temporal-server-build.ts';
import { until } from '../support/until.ts';
import { startWriters } from '../support/writers.ts';

// The services of docker-compose.yml as processes of this machine: two APIs, four workers, and Temporal as a server on
// Postgres where one was built (`npm run topology` builds it, which takes minutes), else its development server.
const past = 1_200;
const token = 'a-token-for-tests-only';
const version = composed['temporal']?.image.split(':')[1] ?? '';
const build = builtServer(version);
if (typeof build === 'string') console.log(`With Temporal’s development server: ${build}`);

test('one replay over four workers, each of which holds lanes of it and one of which is killed, while two APIs take events in', async () => {
  const folder = makeProductFolder();
  const closing: (() => unknown)[] = [() => folder.remove()];
  onTestFinished(async () => {
    for (const step of closing.toReversed()) await step();
  }, 60_000);
  const db = await testDatabase();
  const temporal =
    typeof build === 'string'
      ? await startTemporal({ dataDir: join(folder.path, 'temporal') })
      : await startCluster(build, inject('postgresUrl'), folder.path);
  closing.push(() => temporal.stop());
  const sink = await startSink(folder.path);
  closing.push(() => sink.stop());
  await sink.become({ delayMs: 40 });

  const settings = {
    DATABASE_URL: db.url,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_CONFIG_FILE: '/dev/null',
    TEMPORAL_NAMESPACE: 'default',
    REPRISE_ADMIN_TOKEN: token,
    REPRISE_SECRET_KEY: randomBytes(32).toString('base64'),
    REPRISE_EGRESS_ALLOW: '127.0.0.1/32',
  };
  const start = (entry: string, own: Record<string, string> = {}) =>
    startProcess(new URL(`../../src/${entry}.ts`, import.meta.url), { ...settings, ...own });
  const apis = await Promise.all(
    [1, 2].map(async () => {
      const port = String(await freePort());
      return { ...start('api/main', { PORT: port }), url: `http://127.0.0.1:${port}` };
    }),
  );
  // What `--scale worker=4` is: in each an orchestration and a delivery process.
  const orchestration = [1, 2, 3, 4].map(() => start('workers/orchestration'));
  const delivery = [1, 2, 3, 4].map(() => start('workers/delivery'));
  const all = [...apis, ...orchestration, ...delivery];
  await Promise.all(all.map(({ ready }) => ready));
  let asked = 0;
  const call = async (method: string, path: string, body?: unknown) => {
    const { url } = apis[asked++ % 2]!; // now the one, now the other
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return await answered(await fetch(`${url}${path}`, { method, headers, ...sent }));
  };

  const source = (await call('POST', '/api/sources', { name: 'Shop' })).body as { writeKey: string };
  const writersAt = (api: number, name: string, more: { total?: number; pauseMs: number }) =>
    startWriters({
      apiUrl: apis[api]?.url ?? '',
      writeKey: source.writeKey,
      ledgerFile: join(folder.path, `${name}.ledger`),
      name,
      writers: 2,
      users: 40,
      batch: 10,
      ...more,
    });
  const before = [0, 1].map((api) => writersAt(api, `past-${api}`, { total: past / 2, pauseMs: 0 }));
  await Promise.all(before.map((writers) => writers.stop()));
  const destination = { type: 'webhook', name: 'Sink', settings: { url: sink.url } };
  const made = await call('POST', '/api/destinations', destination);
  expect(made.status).toBe(201);
  const live = [0, 1].map((api) => writersAt(api, `live-${api}`, { pauseMs: 400 }));
  const started = await call('POST', '/api/replays', {
    destinationId: made.body.id,
    pace: { eventsPerSecond: 60, lanes: 8 },
  });
  expect(started.status, JSON.stringify(started.body)).toBe(201);
  const replayId = String(started.body.id);
  const read = async () => (await call('GET', `/api/replays/${replayId}`)).body;

  const holders = new Set<number>();
  const lanesAreHeld = async () => {
    const { body } = await call('GET', `/api/replays/${replayId}/lanes`);
    for (const { holder } of body.data as { holder: { pid: number } | null }[])
      if (holder !== null) holders.add(holder.pid);
    return holders.size;
  };
  await until('each worker has held lanes of it', lanesAreHeld, (count) => count === delivery.length);
  expect(holders).toEqual(new Set(delivery.map(({ pid }) => pid)));
  await until('a third has arrived', read, ({ counts }) => counts.delivered >= past / 3);
  const t0 = performance.timeOrigin + performance.now();
  delivery[0]?.process.kill('SIGKILL');
  expect(await delivery[0]?.exited).toBe('SIGKILL');
  const t1 = performance.timeOrigin + performance.now();
  const faults: FaultLine[] = [{ name: 'killed', kind: 'kill', target: 'delivery', t0, t1 }];

  const ended = await until('the replay ends', read, ({ status }) => status !== 'running', {
    deadlineMs: 120_000,
    everyMs: 250,
  });
  expect(ended).toMatchObject({ status: 'completed', counts: { delivered: past, dead: 0, remaining: 0 } });
  await Promise.all(live.map((writers) => writers.stop()));
  const ledgers = (
    writers: readonly { acknowledged(): ReturnType<(typeof live)[number]['acknowledged']> }[],
  ) => writers.flatMap((one) => one.acknowledged());
  const phases = [ledgers(before), ledgers(live)];
  const expected = phases.flat().length;
  const arrived = () => new Set(sink.lines().map(({ messageId }) => messageId)).size;
  await until('the stream has sent all', arrived, (count) => count >= expected);

  const left = all.filter((one) => one !== delivery[0]);
  for (const { process: child } of left) child.kill('SIGTERM');
  expect(await Promise.all(left.map(({ exited }) => exited))).toEqual(left.map(() => 0));

  const evidence = { faults };
  const verdict = judge(phases, sink.lines(), evidence);
  expect({ ...verdict, duplicates: [] }).toEqual(flawless);
  console.log(
    `${expected} events, repeated after the kill: ${repeatsOf(sink.lines(), evidence)[0]?.repeated ?? 0}`,
  );
}, 600_000);
