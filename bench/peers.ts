// The same replay, one request per event, by a bare loop, by Reprise and by two job queues that keep their jobs in
// Postgres as well.
//   node bench/peers.ts [events] [rounds]
import { loadavg } from 'node:os';
import { replayAll, type ReplayFigures } from './replays.ts';
import { fill, median, report, say, withRig } from './rig.ts';

const events = Number(process.argv[2] ?? 30_000);
const rounds = Number(process.argv[3] ?? 3);
const connections = 16;
const queues = ['graphile-worker', 'pg-boss'] as const;
type Queue = (typeof queues)[number];

interface PeerFigures {
  readonly sent: number;
  readonly enqueueSeconds: number;
  readonly seconds: number;
  readonly perSecond: number;
}

interface Round {
  /** Events per second to those of the bare loop; a queue's with the making of its jobs, and of working them off alone. */
  readonly ratios: Readonly<Record<'reprise' | Queue | `${Queue} working off`, number>>;
  readonly barePerSecond: number;
  readonly reprise: ReplayFigures;
  readonly queues: Readonly<Record<Queue, PeerFigures>>;
  readonly load: number;
}

await withRig(async (rig) => {
  await fill(rig.db, events);
  await rig.start('src/workers/orchestration.ts');
  await rig.start('src/workers/delivery.ts');
  const sink = await rig.start('bench/sink.ts');
  const url = `http://127.0.0.1:${sink.port}`;
  const results: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const args = [rig.databaseUrl, url, connections].map(String);
    const bare = (await rig.run('bench/bare-loop.ts', [...args, '1', String(events)])) as PeerFigures;
    const settings = { url: `${url}/hook`, concurrency: connections };
    const ours = await replayAll(rig, { settings });
    const made = {} as Record<Queue, PeerFigures>;
    for (const queue of queues)
      made[queue] = (await rig.run(`bench/peers/${queue}.ts`, [...args, String(events)])) as PeerFigures;
    const all = [bare.sent, ours.events, ...queues.map((queue) => made[queue].sent)];
    if (all.some((sent) => sent !== events)) throw new Error('not all events were sent');
    const toBare = (seconds: number) => Number((events / seconds / bare.perSecond).toFixed(3));
    const withJobs = (queue: Queue) => toBare(made[queue].enqueueSeconds + made[queue].seconds);
    results.push({
      ratios: {
        reprise: toBare(ours.seconds),
        'graphile-worker': withJobs('graphile-worker'),
        'graphile-worker working off': toBare(made['graphile-worker'].seconds),
        'pg-boss': withJobs('pg-boss'),
        'pg-boss working off': toBare(made['pg-boss'].seconds),
      },
      barePerSecond: bare.perSecond,
      reprise: ours,
      queues: made,
      load: Number(loadavg()[0]?.toFixed(1)),
    });
    say({ ...results.at(-1)! });
  }
  const names = Object.keys(results[0]!.ratios) as (keyof Round['ratios'])[];
  await report('peers', {
    events,
    connections,
    medianRatios: Object.fromEntries(
      names.map((name) => [name, median(results.map(({ ratios }) => ratios[name]))]),
    ),
    rounds: results,
  });
});
