// What counting costs: CPU time of an event on its way in and on its way out, with metrics and without, in turn.
//   node bench/metrics-cost.ts [rounds] [seconds] [events]
import { loadavg } from 'node:os';
import { load, newWriteKey } from './loads.ts';
import { cpuSeconds, replayAll } from './replays.ts';
import { fill, median, report, say, withRig, type Rig, type Started } from './rig.ts';

const rounds = Number(process.argv[2] ?? 7);
const seconds = Number(process.argv[3] ?? 4);
const events = Number(process.argv[4] ?? 20_000);
const silent = { NODE_OPTIONS: `--import ${new URL('without-metrics.ts', import.meta.url).href}` };

interface Round {
  readonly counting: number;
  readonly silent: number;
}

await withRig(async (rig) => {
  await fill(rig.db, events);
  const out = await measureDelivery(rig);
  const single = await measureIngest(rig);
  await report('metrics-cost', {
    cpuMicros: { ingest: summary(single), delivery: summary(out) },
    events,
    seconds,
  });
});

function summary(results: readonly Round[]) {
  return {
    counting: median(results.map((round) => round.counting)),
    silent: median(results.map((round) => round.silent)),
    medianRatio: median(results.map((round) => Number((round.counting / round.silent).toFixed(3)))),
    rounds: results,
  };
}

/** Single events, each in a request of its own. */
async function measureIngest(rig: Rig): Promise<Round[]> {
  const counting = await rig.start('src/api/main.ts');
  const quiet = await rig.start('src/api/main.ts', { env: silent });
  const plan = {
    writeKey: await newWriteKey(rig, counting),
    connections: 64,
    batch: 1,
    seconds,
    perSecond: null,
  };
  const measure = async (server: Started) => {
    const before = await cpuSeconds([server.pid]);
    const figures = await load(rig, server, plan);
    return Number(((((await cpuSeconds([server.pid])) - before) * 1e6) / figures.events).toFixed(1));
  };
  for (const server of [counting, quiet]) await measure(server); // everything has run once
  return await inTurn({ counting: () => measure(counting), silent: () => measure(quiet) });
}

/** One event a request, the costlier way. */
async function measureDelivery(rig: Rig): Promise<Round[]> {
  await rig.start('src/workers/orchestration.ts');
  const sink = await rig.start('bench/sink.ts');
  const settings = { url: `http://127.0.0.1:${sink.port}/hook`, concurrency: 16 };
  const measure = async (env: NodeJS.ProcessEnv) => {
    const worker = await rig.start('src/workers/delivery.ts', { env });
    await replayAll(rig, { settings, pids: [worker.pid], upTo: 2_000 }); // everything has run once
    const { cpuMicros } = await replayAll(rig, { settings, pids: [worker.pid] });
    await worker.stop();
    return cpuMicros;
  };
  return await inTurn({ counting: () => measure({}), silent: () => measure(silent) });
}

/** Each round begins with the other side. */
async function inTurn(sides: {
  counting: () => Promise<number>;
  silent: () => Promise<number>;
}): Promise<Round[]> {
  const results: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0 ? 'counting' : 'silent';
    const second = first === 'counting' ? 'silent' : 'counting';
    const found = { [first]: await sides[first](), [second]: await sides[second]() };
    results.push({ counting: found['counting']!, silent: found['silent']! });
    say({ ...results.at(-1)!, load: Number(loadavg()[0]?.toFixed(1)) });
  }
  return results;
}
