// A replay in four lanes over four workers against one in one lane on one worker, to a destination whose latency is
// the limit: it answers in 100 ms, and a lane has 16 connections.
//   node bench/lanes.ts [events] [rounds]
import { loadavg } from 'node:os';
import { replayAll } from './replays.ts';
import { fill, median, report, say, withRig } from './rig.ts';

const events = Number(process.argv[2] ?? 6_000);
const rounds = Number(process.argv[3] ?? 3);
const delayMs = 100;
const connections = 16;

await withRig(async (rig) => {
  await fill(rig.db, events);
  await rig.start('src/workers/orchestration.ts');
  const sink = await rig.start('bench/sink.ts', { args: [String(delayMs)] });
  const settings = { url: `http://127.0.0.1:${sink.port}/hook`, concurrency: connections };
  // Every worker has sent something before it is measured.
  const warmUp = (lanes: number) => replayAll(rig, { settings, lanes, upTo: Math.min(events, 400) });
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const workers = [await rig.start('src/workers/delivery.ts')];
    await warmUp(1);
    const one = await replayAll(rig, { settings, lanes: 1 });
    for (let more = 0; more < 3; more++) workers.push(await rig.start('src/workers/delivery.ts'));
    await warmUp(4);
    const four = await replayAll(rig, { settings, lanes: 4 });
    await Promise.all(workers.map((worker) => worker.stop()));
    if (one.events !== events || four.events !== events) throw new Error('not all events were sent');
    const ratio = Number((four.perSecond / one.perSecond).toFixed(3));
    results.push({ ratio, oneLane: one, fourLanes: four, load: Number(loadavg()[0]?.toFixed(1)) });
    say(results.at(-1)!);
  }
  await report('lanes', {
    events,
    delayMs,
    connectionsPerLane: connections,
    boundPerLane: (connections * 1_000) / delayMs,
    medianRatio: median(results.map(({ ratio }) => ratio)),
    rounds: results,
  });
});
