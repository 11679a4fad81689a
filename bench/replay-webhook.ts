// Replay to a webhook, one event per request, against a bare loop over the same rows to the same sink.
//   node bench/replay-webhook.ts [events] [rounds]
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { readConfig } from '../src/config.ts';
import { readEvent, type Arrival } from '../src/core/new-event.ts';
import { ReplayRequest } from '../src/core/replay-request.ts';
import { appendEvents } from '../src/db/archive/append.ts';
import { openDatabase, type Database } from '../src/db/database.ts';
import { insertDestination } from '../src/db/destinations.ts';
import { migrate } from '../src/db/migrate.ts';
import { createReplay, getReplay } from '../src/db/replays.ts';
import { sql } from '../src/db/sql.ts';
import { newWebhookSecret } from '../src/destinations/webhook-signature.ts';
import { createKeyring, seal, settingsPlace } from '../src/destinations/secrets.ts';
import { startPostgres } from '../src/dev/postgres.ts';
import { startTemporal } from '../src/dev/temporal.ts';
import { openOrchestrator, replayWorkflowId } from '../src/temporal/orchestrator.ts';

const events = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 3);
const connections = 16;

const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-'));
await chmod(folder, 0o755);
const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
const temporal = await startTemporal({ dataDir: join(folder, 'temporal') });
await migrate(postgres.url);
const db = openDatabase({ url: postgres.url, name: 'bench' });
const key = randomBytes(32).toString('base64');
const environment = {
  ...process.env,
  DATABASE_URL: postgres.url,
  TEMPORAL_ADDRESS: temporal.address,
  REPRISE_SECRET_KEY: key,
  REPRISE_EGRESS_ALLOW: '127.0.0.1/32',
  REPRISE_LOG_LEVEL: 'warn',
};
const children: ChildProcess[] = [];

try {
  await fill(db, events);
  const sink = await start('bench/sink.ts');
  await start('src/workers/orchestration.ts');
  const worker = await start('src/workers/delivery.ts');
  const sinkUrl = `http://127.0.0.1:${sink.port}`;
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const bare = await bareLoop(sinkUrl);
    const ours = await replayAll(sinkUrl, worker.child.pid!);
    results.push({ bare, ours: ours.perSecond, ratio: ours.perSecond / bare, ...ours });
    process.stdout.write(`${JSON.stringify(results.at(-1))}\n`);
  }
  const ratio = results.map((result) => result.ratio).toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
  const report = {
    command: `node bench/replay-webhook.ts ${events} ${rounds}`,
    machine: `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}, loopback`,
    events,
    connections,
    medianRatio: Number(ratio.toFixed(3)),
    rounds: results,
  };
  await writeFile(
    new URL('results/replay-webhook.json', import.meta.url),
    `${JSON.stringify(report, null, 2)}\n`,
  );
  process.stdout.write(`median ratio ${ratio.toFixed(3)}\n`);
} finally {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit')));
  await db.close();
  await temporal.stop();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function fill(database: Database, count: number): Promise<void> {
  const sourceId = randomUUID();
  await database.run(sql`insert into source (id, name) values (${sourceId}, 'bench')`);
  const arrival: Arrival = {
    sourceId,
    origin: 'tracking_api',
    receivedAt: new Date(),
    live: true,
    sentAt: null,
    batch: { context: [], integrations: [] },
    integrations: undefined,
    newMessageId: randomUUID,
  };
  for (let from = 0; from < count; from += 1_000) {
    const batch = Array.from({ length: Math.min(1_000, count - from) }, (_, index) => {
      const number = from + index;
      const body = {
        type: 'track',
        event: 'Order Completed',
        userId: `user-${number % 5_000}`,
        messageId: `bench-${number}`,
        timestamp: new Date().toISOString(),
        properties: { number, filler: 'x'.repeat(760) },
        context: { library: { name: 'bench', version: '1' } },
      };
      return readEvent(body, Buffer.from(JSON.stringify(body)), null, arrival).event!;
    });
    await appendEvents(database, batch);
  }
}

async function start(file: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [...flags(file), file], {
    env: environment,
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  children.push(child);
  const ready = await new Promise<{ port?: number }>((resolve) =>
    child.once('message', resolve as () => void),
  );
  return { child, port: ready.port ?? 0 };
}

function flags(file: string): string[] {
  const profile = process.env['BENCH_PROFILE'];
  return profile !== undefined && file.includes('delivery')
    ? ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    : [];
}

async function bareLoop(sinkUrl: string): Promise<number> {
  const args = ['bench/bare-loop.ts', postgres.url, sinkUrl, String(connections)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return (JSON.parse(stdout) as { perSecond: number }).perSecond;
}

async function replayAll(sinkUrl: string, workerPid: number) {
  const destinationId = randomUUID();
  const settings = { url: `${sinkUrl}/hook`, secret: newWebhookSecret(), concurrency: connections };
  const sealed = seal(settings, settingsPlace(destinationId), createKeyring(key));
  const orchestrator = openOrchestrator(readConfig(environment));
  const replayId = randomUUID();
  const request = ReplayRequest.parse({ destinationId });
  await db.transaction(async (tx) => {
    await insertDestination(tx, {
      id: destinationId,
      type: 'webhook',
      name: 'bench',
      enabled: false,
      settingsSealed: sealed,
      sources: null,
      budget: {},
      actions: [{ name: 'Send event', trigger: null, mapping: {} }],
    });
    await createReplay(tx, { id: replayId, destinationId, request });
  });
  await orchestrator.startReplay({ destinationId, replayId, lanes: 1 });
  let rssMb = 0;
  for (;;) {
    rssMb = Math.max(rssMb, await residentMb(workerPid));
    const replay = await getReplay(db, replayId);
    if (replay?.endedAt != null) {
      const seconds = (replay.endedAt.getTime() - replay.startedAt!.getTime()) / 1_000;
      const activities = await activitiesOf(replayWorkflowId(destinationId, replayId));
      await orchestrator.close();
      const delivered = replay.lanes[0]!.counts.events.delivered ?? 0;
      return { delivered, seconds, perSecond: Math.round(delivered / seconds), activities, rssMb };
    }
    await pause(100);
  }
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024);
}

async function activitiesOf(workflowId: string): Promise<number> {
  const connection = await Connection.connect({ address: temporal.address });
  const history = await new Client({ connection }).workflow.getHandle(workflowId).fetchHistory();
  await connection.close();
  return (history.events ?? []).filter((event) => event.activityTaskScheduledEventAttributes != null).length;
}
