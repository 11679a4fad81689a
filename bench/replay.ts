// A replay to a webhook against a bare loop over the same rows to the same sink.
//   node bench/replay.ts [batchSize] [events] [rounds]
import { loadavg } from 'node:os';
import { replayAll } from './replays.ts';
import { fill, median, report, say, withRig } from './rig.ts';

const batchSize = Number(process.argv[2] ?? 1);
const events = Number(process.argv[3] ?? (batchSize === 1 ? 60_000 : 200_000));
const rounds = Number(process.argv[4] ?? 5);
const connections = 16;

await withRig(async (rig) => {
  await fill(rig.db, events);
  await rig.start('src/workers/orchestration.ts');
  const worker = await rig.start('src/workers/delivery.ts');
  const sink = await rig.start('bench/sink.ts');
  const url = `http://127.0.0.1:${sink.port}`;
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const args = [rig.databaseUrl, url, connections, batchSize, events].map(String);
    const bare = (await rig.run('bench/bare-loop.ts', args)) as {
      sent: number;
      perSecond: number;
      cpuMicros: number;
    };
    const settings = { url: `${url}/hook`, batchSize, concurrency: connections };
    const ours = await replayAll(rig, { settings, pids: [worker.pid] });
    if (bare.sent !== events || ours.events !== events) throw new Error('not all events were sent');
    const ratio = Number((ours.perSecond / bare.perSecond).toFixed(3));
    results.push({ ratio, bare, ours, load: Number(loadavg()[0]?.toFixed(1)) });
    say(results.at(-1)!);
  }
  await report(batchSize === 1 ? 'replay-single' : `replay-batch-${batchSize}`, {
    events,
    connections,
    batchSize,
    medianRatio: median(results.map(({ ratio }) => ratio)),
    medianCpuMicros: {
      bare: median(results.map(({ bare }) => bare.cpuMicros)),
      ours: median(results.map(({ ours }) => ours.cpuMicros)),
    },
    rounds: results,
  });
});
