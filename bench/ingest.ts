// What the tracking API takes in: single events against a bare handler, batches against a bare loop of inserts, and how
// soon single events are acknowledged at half of the most that it takes.
//   node bench/ingest.ts [rounds] [seconds]
import { loadavg } from 'node:os';
import { sql } from '../src/db/sql.ts';
import { createBareTable } from './bare-append.ts';
import { load, newWriteKey } from './loads.ts';
import { cpuSeconds } from './replays.ts';
import { median, report, say, withRig, type Rig, type Started } from './rig.ts';

const rounds = Number(process.argv[2] ?? 5);
const seconds = Number(process.argv[3] ?? 6);
const connections = 256;
const batch = 100;
const batchConnections = 16;
const valuesConnections = 4;

/** One round of one side. */
interface Measured {
  readonly perSecond: number;
  /** CPU time of its process for an event. */
  readonly cpuMicros: number;
}

await withRig(async (rig) => {
  await createBareTable(rig.db);
  const api = await rig.start('src/api/main.ts');
  const bare = await rig.start('bench/bare-handler.ts', { args: [rig.databaseUrl] });
  const writeKey = await newWriteKey(rig, api);
  const single = { writeKey, connections, batch: 1, seconds, perSecond: null };
  for (const server of [api, bare]) await measure(rig, server, single); // everything has run once
  const singles = await compare(rig, {
    ours: () => measure(rig, api, single),
    bare: () => measure(rig, bare, single),
  });
  const batches = await compare(rig, {
    ours: () => measure(rig, api, { ...single, connections: batchConnections, batch }),
    bare: () => bareValues(rig),
  });
  const perSecond = Math.round(median(singles.map(({ ours }) => ours.perSecond)) / 2);
  const acknowledged = await compare(rig, {
    ours: () => measure(rig, api, { ...single, perSecond }),
    bare: () => measure(rig, bare, { ...single, perSecond }),
  });
  const latency = (of: 'p50' | 'p99', side: 'ours' | 'bare') =>
    median(acknowledged.map((round) => round[side].latency[of]));
  await report('ingest', {
    seconds,
    singles: { connections, ...medians(singles), rounds: singles },
    batches: {
      batch,
      connections: batchConnections,
      valuesConnections,
      ...medians(batches),
      rounds: batches,
    },
    acknowledged: {
      perSecond,
      medianP50Ms: { ours: latency('p50', 'ours'), bare: latency('p50', 'bare') },
      medianP99Ms: { ours: latency('p99', 'ours'), bare: latency('p99', 'bare') },
      rounds: acknowledged,
    },
  });
});

/** Both sides in turn, round by round; each begins with nothing left to write to disk. */
async function compare<Ours extends Measured, Bare extends Measured>(
  rig: Rig,
  sides: { ours: () => Promise<Ours>; bare: () => Promise<Bare> },
) {
  const results: { ratio: number; ours: Ours; bare: Bare; load: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    await rig.db.run(sql`checkpoint`);
    const bare = await sides.bare();
    await rig.db.run(sql`checkpoint`);
    const ours = await sides.ours();
    const ratio = Number((ours.perSecond / bare.perSecond).toFixed(3));
    results.push({ ratio, ours, bare, load: Number(loadavg()[0]?.toFixed(1)) });
    say(results.at(-1)!);
  }
  return results;
}

function medians(results: readonly { ratio: number; ours: Measured; bare: Measured }[]) {
  const of = (value: 'perSecond' | 'cpuMicros') => ({
    ours: median(results.map(({ ours }) => ours[value])),
    bare: median(results.map(({ bare }) => bare[value])),
  });
  return {
    medianRatio: median(results.map(({ ratio }) => ratio)),
    medianPerSecond: of('perSecond'),
    medianCpuMicros: of('cpuMicros'),
  };
}

/** One round of a server, of which every request must be taken. */
async function measure(rig: Rig, server: Started, plan: Omit<Parameters<typeof load>[2], 'port'>) {
  const before = await cpuSeconds([server.pid]);
  const figures = await load(rig, server, plan);
  const cpuMicros = (((await cpuSeconds([server.pid])) - before) * 1e6) / figures.events;
  if (Object.keys(figures.answers).join() !== '200') throw new Error(JSON.stringify(figures));
  return { ...figures, cpuMicros: Number(cpuMicros.toFixed(1)) };
}

async function bareValues(rig: Rig): Promise<Measured> {
  const args = [rig.databaseUrl, valuesConnections, batch, seconds].map(String);
  return (await rig.run('bench/bare-values.ts', args)) as Measured;
}
