// A replay of identify calls with profiles "latest" against one that sends each, over the same archive to the same sink.
//   node bench/latest-profiles.ts [events] [rounds]
import { loadavg } from 'node:os';
import { replayAll } from './replays.ts';
import { fill, median, report, say, withRig } from './rig.ts';

const events = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 3);

await withRig(async (rig) => {
  await fill(rig.db, events, 1_000, 'identify');
  await rig.start('src/workers/orchestration.ts');
  const worker = await rig.start('src/workers/delivery.ts');
  const sink = await rig.start('bench/sink.ts');
  const settings = { url: `http://127.0.0.1:${sink.port}/hook`, batchSize: 1, concurrency: 16 };
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const all = await replayAll(rig, { settings, pids: [worker.pid] });
    const latest = await replayAll(rig, { settings, pids: [worker.pid], profiles: 'latest' });
    if (all.events !== events || latest.events !== events) throw new Error('not all events were counted');
    const ratio = Number((latest.perSecond / all.perSecond).toFixed(3));
    results.push({ ratio, all, latest, load: Number(loadavg()[0]?.toFixed(1)) });
    say(results.at(-1)!);
  }
  await report('latest-profiles', {
    events,
    users: 5_000,
    medianRatio: median(results.map(({ ratio }) => ratio)),
    rounds: results,
  });
});
