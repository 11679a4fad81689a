// Records histories of every kind of workflow from real runs, for test/unit/histories.test.ts to replay:
//   node test/histories/record.ts [name of a replay's history]...
// It starts a Temporal server and the product twice: as it is, and with a history limit so small that workflows
// continue as new. Takes about three minutes and overwrites test/histories/*.json; keep those of a released version by
// renaming them first. With names, only those replays of the first start are recorded.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { startTemporal } from '../../src/dev/temporal.ts';
import { openClient, type Client as Sender } from '../support/analytics.ts';
import { makeProductFolder, startProduct, type Product, type Replay } from '../support/product.ts';
import { startSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const events = 400;
const slow = { pace: { eventsPerSecond: 100 } };
/** A stream parks after ten seconds at the head of the archive. */
const parkedAfterMs = 13_000;
/** A destination that asks for more than a few seconds makes slices give their slot back. */
const throttledSeconds = 10;

/** Named by who records only some. */
const only = process.argv.slice(2);
const isWanted = (name: string) => only.length === 0 || only.includes(name);

/** What had arrived when the replay was begun. */
let before = 0;

/** What a recording works with. */
interface Stage {
  readonly product: Product;
  readonly temporal: Client;
  readonly sink: Sink;
  readonly sender: Sender;
}

await onStage({}, async (stage) => {
  await recordReplays(stage);
  if (only.length > 0) return;
  await recordStream(stage, 'stream');
  await save(stage, 'fan-out', 'fan-out');
  const watch = await until(
    'the Schedule has looked after fan-out',
    () => firstOf(stage, "WorkflowType = 'watchFanOut' AND ExecutionStatus = 'Completed'"),
    (id) => id !== null,
    { deadlineMs: 120_000 },
  );
  await save(stage, 'watch-fan-out', watch!);
});
const continued = { 'limit.historyCount.suggestContinueAsNew': '25' };
if (only.length === 0)
  await onStage(continued, async (stage) => {
    const replay = await begin(stage, slow);
    for (let time = 1; time <= 3; time++) {
      await arrived(stage, time * 60);
      await ask(stage, 'POST', `/api/replays/${replay.id}/pause`);
      await ask(stage, 'POST', `/api/replays/${replay.id}/resume`);
    }
    await ended(stage, replay);
    await saveChain(stage, 'replay-continued', replay.workflow.id);
    await recordStream(stage, 'stream-continued');
    await until(
      'fan-out has continued as new',
      () => firstOf(stage, "WorkflowId = 'fan-out' AND ExecutionStatus = 'ContinuedAsNew'"),
      (id) => id !== null,
    );
    await saveChain(stage, 'fan-out-continued', 'fan-out');
  });

/** Starts everything with an archive of some events, works, and stops everything. */
async function onStage(dynamicConfig: Record<string, string>, work: (stage: Stage) => Promise<void>) {
  const folder = makeProductFolder();
  const server = await startTemporal({ dataDir: join(folder.path, 'temporal'), dynamicConfig });
  const env = { TEMPORAL_ADDRESS: server.address, TEMPORAL_UI_URL: server.uiUrl };
  const product = await startProduct({ folder: folder.path, env });
  const sink = await startSink(folder.path);
  const connection = await Connection.connect({ address: server.address });
  try {
    const source = await ask<{ writeKey: string }>({ product }, 'POST', '/api/sources', { name: 'Shop' });
    const sender = openClient(product.apiUrl, source.writeKey, join(folder.path, 'source.ndjson'));
    await sender.send(events, { poisonEvery: 50 });
    await work({ product, sink, sender, temporal: new Client({ connection }) });
    await sender.close();
  } finally {
    await connection.close();
    await sink.stop();
    await product.stop();
    await server.stop();
    folder.remove();
  }
}

async function recordReplays(stage: Stage): Promise<void> {
  await recordReplay(stage, 'replay-completed', {});
  await recordReplay(stage, 'replay-of-lanes', { pace: { lanes: 3 } });
  await recordReplay(stage, 'replay-paused-and-resumed', slow, async ({ id }) => {
    await ask(stage, 'POST', `/api/replays/${id}/pause`);
    await ask(stage, 'PATCH', `/api/replays/${id}`, { pace: { eventsPerSecond: 400 } });
    await ask(stage, 'POST', `/api/replays/${id}/resume`);
  });
  const short = { range: { by: 'position', to: events / 2 }, pace: { eventsPerSecond: 100, lanes: 2 } };
  await recordReplay(stage, 'replay-extended', short, async ({ id }) => {
    await ask(stage, 'PATCH', `/api/replays/${id}`, { range: { to: events } });
  });
  await recordReplay(stage, 'replay-cancelled', slow, async ({ id }) => {
    await ask(stage, 'POST', `/api/replays/${id}/cancel`);
  });
  await recordScheduled(stage);
  await recordRetry(stage);
  await recordReplay(stage, 'replay-held', slow, async () => {
    await stage.sink.become({ refuse: { status: 429, retryAfterSeconds: throttledSeconds } });
    await delay(throttledSeconds * 500);
    await stage.sink.become({});
  });
  await recordReplay(stage, 'replay-workers-killed', slow, async () => {
    const processes = stage.product.processes();
    const workers = Object.entries(processes).filter(([name]) => /^(delivery|orchestration)/.test(name));
    for (const [, pid] of workers) process.kill(pid, 'SIGKILL');
  });
}

/** @param midway what happens when it is under way */
async function recordReplay(
  stage: Stage,
  name: string,
  request: object,
  midway?: (replay: Replay) => Promise<void>,
): Promise<void> {
  if (!isWanted(name)) return;
  const replay = await begin(stage, request);
  if (midway !== undefined) {
    await arrived(stage, 100);
    await midway(replay);
  }
  await ended(stage, replay);
  await save(stage, name, replay.workflow.id);
}

/** One that waits for its time, then for its window, which is taken away. */
async function recordScheduled(stage: Stage): Promise<void> {
  const name = 'replay-scheduled';
  if (!isWanted(name)) return;
  const now = Date.now();
  const clockAt = (hours: number) => new Date(now + hours * 3_600_000).toISOString().slice(11, 16);
  const windows = [{ from: clockAt(6), to: clockAt(8) }];
  const replay = await begin(stage, {
    schedule: { startAt: new Date(now + 4_000).toISOString(), windows },
  });
  await until(
    'it waits for its window',
    () => ask<Replay>(stage, 'GET', `/api/replays/${replay.id}`),
    ({ statusReason, startedAt, status }) =>
      status === 'running' && statusReason === 'outside_window' && startedAt === null,
  );
  await until(
    'its lane has been looked at',
    () => firstOf(stage, `WorkflowId = '${replay.workflow.id}' AND RepriseState = 'outside_window'`),
    (id) => id !== null,
  );
  await ask(stage, 'PATCH', `/api/replays/${replay.id}`, { schedule: null });
  await ended(stage, replay);
  await save(stage, name, replay.workflow.id);
}

/** What a replay gave up on is taken up by another one. */
async function recordRetry(stage: Stage): Promise<void> {
  if (!isWanted('replay-of-dead-letters')) return;
  await stage.sink.become({ refuse: { status: 400, names: ['Poison'] } });
  const parent = await begin(stage, {});
  await until(
    'the replay ends',
    () => ask<Replay>(stage, 'GET', `/api/replays/${parent.id}`),
    ({ endedAt }) => endedAt !== null,
  );
  await stage.sink.become({});
  const retry = await ask<Replay>(stage, 'POST', `/api/replays/${parent.id}/retry-failed`);
  await ended(stage, retry);
  await save(stage, 'replay-of-dead-letters', retry.workflow.id);
}

/** A stream that delivers, parks, is woken, paused, resumed and in the end disabled. */
async function recordStream(stage: Stage, name: string): Promise<void> {
  const id = await connect(stage);
  const { workflow } = (
    await ask<{ stream: Pick<Replay, 'workflow'> }>(stage, 'GET', `/api/destinations/${id}`)
  ).stream;
  await stage.sender.send(20);
  await delay(parkedAfterMs);
  await stage.sender.send(20);
  for (const verb of ['pause', 'resume', 'pause', 'resume']) {
    await ask(stage, 'POST', `/api/destinations/${id}/${verb}`);
  }
  await stage.sender.send(20);
  await ask(stage, 'PATCH', `/api/destinations/${id}`, { enabled: false });
  await closed(stage, workflow.id);
  await saveChain(stage, name, workflow.id);
}

async function connect(stage: Stage): Promise<string> {
  const settings = { url: stage.sink.url };
  const body = { type: 'webhook', name: 'Sink', settings };
  return (await ask<{ id: string }>(stage, 'POST', '/api/destinations', body)).id;
}

async function begin(stage: Stage, request: object): Promise<Replay> {
  before = (await stage.sink.state()).answered;
  return await ask<Replay>(stage, 'POST', '/api/replays', {
    destinationId: await connect(stage),
    range: { by: 'position', to: events },
    ...request,
  });
}

/** @param count since the replay was begun */
async function arrived({ sink }: Stage, count: number): Promise<void> {
  await until(
    `${count} have arrived`,
    () => sink.state(),
    ({ answered }) => answered - before >= count,
  );
}

/** The replay is over, its workflow too, and its destination gets nothing more. */
async function ended(stage: Stage, { id, destinationId, workflow }: Replay): Promise<void> {
  await until(
    'the replay ends',
    () => ask<Replay>(stage, 'GET', `/api/replays/${id}`),
    ({ endedAt }) => endedAt !== null,
  );
  await closed(stage, workflow.id);
  await ask(stage, 'PATCH', `/api/destinations/${destinationId}`, { enabled: false });
}

async function closed({ temporal }: Stage, workflowId: string): Promise<void> {
  await until(
    `${workflowId} is closed`,
    async () => (await temporal.workflow.getHandle(workflowId).describe()).status.name,
    (status) => status === 'COMPLETED',
  );
}

async function ask<Body = unknown>(
  { product }: Pick<Stage, 'product'>,
  method: string,
  path: string,
  body?: object,
): Promise<Body> {
  const answer = await product.call(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer.body as Body;
}

async function firstOf({ temporal }: Stage, query: string): Promise<string | null> {
  for await (const { workflowId } of temporal.workflow.list({ query })) return workflowId;
  return null;
}

/** Saves the first execution of a chain, and its last one if there is another. */
async function saveChain(stage: Stage, name: string, workflowId: string): Promise<void> {
  const runs: { runId: string; at: number }[] = [];
  for await (const run of stage.temporal.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    runs.push({ runId: run.runId, at: run.startTime.getTime() });
  }
  runs.sort((a, b) => a.at - b.at);
  const [first, last] = [runs[0], runs.at(-1)];
  await save(stage, name, workflowId, first?.runId);
  if (last !== first) await save(stage, `${name}-last`, workflowId, last?.runId);
}

async function save({ temporal }: Stage, name: string, workflowId: string, runId?: string): Promise<void> {
  const history = await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
  const json = JSON.parse(historyToJSON(history), withoutMachine) as { events: unknown[] };
  writeFileSync(new URL(`${name}.json`, import.meta.url), `${JSON.stringify(json)}\n`);
  console.log(`${name}: ${json.events.length} events`);
}

/** Nothing of the machine that recorded it stays: names of processes, paths in stack traces. */
function withoutMachine(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return '';
  return typeof value === 'string' ? value.replaceAll(/\d+@[\w.-]+/g, 'recorder') : value;
}
