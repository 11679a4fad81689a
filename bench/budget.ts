// How exactly a budget is kept and used up: several rates, over one and over four worker processes, changed while they
// run, one of them killed in between. Upper bounds are asserted by tests; this shows what is reached.
//   node bench/budget.ts [seconds per rate]
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ReplayRequest } from '../src/core/replay-request.ts';
import { openDatabase } from '../src/db/database.ts';
import { changeDestination, insertDestination } from '../src/db/destinations.ts';
import { migrate } from '../src/db/migrate.ts';
import { createReplay } from '../src/db/replays.ts';
import { sql } from '../src/db/sql.ts';
import { createKeyring, seal, settingsPlace } from '../src/destinations/secrets.ts';
import { newWebhookSecret } from '../src/destinations/webhook-signature.ts';
import { startPostgres } from '../src/dev/postgres.ts';
import { most } from '../test/support/budget-simulation.ts';
import { fill } from './rig.ts';

const seconds = Number(process.argv[2] ?? 8);
const settleMs = 1_500; // a change applies within about a second
const takeOverMs = 8_000; // a killed worker's lanes are taken when their leases have stood still
const lanes = 4;
const key = randomBytes(32).toString('base64');
const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-'));
await chmod(folder, 0o755);
const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
await migrate(postgres.url);
const db = openDatabase({ url: postgres.url, name: 'bench' });
const arrivals: number[] = [];
const sink = createServer((request, response) => {
  request.resume().on('end', () => {
    arrivals.push(performance.now());
    response.writeHead(200, { 'content-length': '2' }).end('ok');
  });
}).listen(0, '127.0.0.1');
await once(sink, 'listening');
const children = new Set<ChildProcess>();

try {
  await fill(db, (50 + 200 + 1_000 + 200) * (seconds + 4) * 2 + 4_000);
  const results = [];
  for (const workers of [1, 4]) results.push(...(await measure(workers)));
  const report = {
    command: `node bench/budget.ts ${seconds}`,
    machine: `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}, loopback, load ${loadavg()[0]?.toFixed(1)}`,
    seconds,
    lanes,
    results,
  };
  await writeFile(new URL('results/budget.json', import.meta.url), `${JSON.stringify(report, null, 2)}\n`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  sink.closeAllConnections();
  sink.close();
  await db.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

/** One replay whose budget changes, on so many workers. */
async function measure(workers: number) {
  const { destinationId, replayId } = await newReplay(50);
  const team = Array.from({ length: workers }, (_, worker) =>
    start(replayId, workers === 1 ? '0,1,2,3' : String(worker)),
  );
  const from = arrivals.length;
  while (arrivals.length === from) await pause(20);
  const results = [];
  for (const stage of [
    { perSecond: 50 },
    { perSecond: 200 },
    { perSecond: 1_000 },
    { perSecond: 200, kill: true },
  ]) {
    const { perSecond, kill = false } = stage;
    await db.transaction((tx) =>
      changeDestination(tx, destinationId, { budget: { eventsPerSecond: perSecond } }),
    );
    await pause(settleMs);
    let begin = performance.now();
    if (kill) {
      const victim = team[0]!;
      victim.kill('SIGKILL');
      team[0] = start(replayId, workers === 1 ? '0,1,2,3' : '0');
      await pause(takeOverMs);
    }
    const whole = begin;
    if (kill) begin = performance.now();
    await pause(seconds * 1_000);
    const end = performance.now();
    const within = arrivals.filter((at) => at >= begin && at < end);
    const result = {
      workers,
      eventsPerSecond: perSecond,
      killed: kill,
      mean: round(within.length / ((end - begin) / 1_000) / perSecond),
      mostInASecond: round(most(arrivals.filter((at) => at >= whole && at < end)) / perSecond),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    results.push(result);
  }
  for (const child of team) child.kill('SIGTERM');
  await Promise.all(team.filter(({ exitCode }) => exitCode === null).map((child) => once(child, 'exit')));
  await db.run(
    sql`update run set desired = 'cancelled', ended_at = now(), ended_as = 'cancelled' where id = ${replayId}`,
  );
  return results;
}

function round(ratio: number): number {
  return Number(ratio.toFixed(3));
}

function start(replayId: string, ofLanes: string): ChildProcess {
  const entry = new URL('../test/support/slice-process.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [entry, postgres.url, replayId, ofLanes], {
    env: { ...process.env, KEY: key },
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function newReplay(eventsPerSecond: number) {
  const destinationId = randomUUID();
  const { port } = sink.address() as AddressInfo;
  const settings = { url: `http://127.0.0.1:${port}/hook`, secret: newWebhookSecret(), concurrency: 16 };
  const replayId = randomUUID();
  const request = ReplayRequest.parse({ destinationId, pace: { lanes } });
  await db.transaction(async (tx) => {
    await insertDestination(tx, {
      id: destinationId,
      type: 'webhook',
      name: 'bench',
      enabled: false,
      settingsSealed: seal(settings, settingsPlace(destinationId), createKeyring(key)),
      sources: null,
      budget: { eventsPerSecond },
      actions: [{ name: 'Send event', action: null, trigger: null, mapping: {} }],
    });
    await createReplay(tx, { id: replayId, destinationId, request });
  });
  return { destinationId, replayId };
}
