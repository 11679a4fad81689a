// What an event costs in a short and in a long replay, the worker's memory in both, and the activities that it takes.
//   node bench/scale.ts [few] [many] [rounds] [batchSize] [bytes]
import { loadavg } from 'node:os';
import { replayAll, residentMb, type ReplayFigures } from './replays.ts';
import { fill, median, report, say, withRig } from './rig.ts';

const few = Number(process.argv[2] ?? 100_000);
const many = Number(process.argv[3] ?? 1_000_000);
const rounds = Number(process.argv[4] ?? 3);
const batchSize = Number(process.argv[5] ?? 500);
const bytes = Number(process.argv[6] ?? 1_000);

await withRig(async (rig) => {
  await fill(rig.db, many, bytes);
  await rig.start('src/workers/orchestration.ts');
  const sink = await rig.start('bench/sink.ts');
  const settings = { url: `http://127.0.0.1:${sink.port}/hook`, batchSize, concurrency: 16 };
  // A worker of its own for each, so that the memory of one is not that of the other.
  const measure = async (upTo: number): Promise<ReplayFigures & { idleRssMb: number }> => {
    const worker = await rig.start('src/workers/delivery.ts');
    const idleRssMb = await residentMb(worker.pid);
    await replayAll(rig, { settings, upTo: Math.min(few, 20_000) }); // compiled code, and a heap that has grown
    const figures = await replayAll(rig, { settings, upTo, pids: [worker.pid] });
    await worker.stop();
    return { idleRssMb, ...figures };
  };
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const short = await measure(few);
    const long = await measure(many);
    if (short.events !== few || long.events !== many) throw new Error('not all events were sent');
    const costRatio = Number((long.seconds / many / (short.seconds / few)).toFixed(3));
    const activitiesPerMinute = Number((long.activities / (long.seconds / 60)).toFixed(2));
    results.push({ costRatio, activitiesPerMinute, short, long, load: Number(loadavg()[0]?.toFixed(1)) });
    say(results.at(-1)!);
  }
  await report(`scale-${few}-${many}`, {
    few,
    many,
    batchSize,
    bytesPerEvent: bytes,
    medianCostRatio: median(results.map(({ costRatio }) => costRatio)),
    peakRssMb: {
      short: Math.max(...results.map(({ short }) => short.peakRssMb)),
      long: Math.max(...results.map(({ long }) => long.peakRssMb)),
    },
    medianActivitiesPerMinute: median(results.map((result) => result.activitiesPerMinute)),
    rounds: results,
  });
});
