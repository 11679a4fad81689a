// What the API process holds in memory at half of what it can take, and under clients that come at ten times that and
// come again at once when they are refused.
//   node bench/overload.ts [seconds]
import { setTimeout as pause } from 'node:timers/promises';
import { load, newWriteKey } from './loads.ts';
import { residentMb } from './replays.ts';
import { report, say, withRig } from './rig.ts';

const seconds = Number(process.argv[2] ?? 90);
const calmSeconds = 20;
/** Of whose memory the slope is taken: the end of the overload. */
const slopeSeconds = 30;
const batch = 100;
/** At once: ten times what may wait, in events. */
const crowd = 2_000;

interface Sample {
  /** Seconds since the start of the phase. */
  readonly at: number;
  readonly mb: number;
}

await withRig(async (rig) => {
  const api = await rig.start('src/api/main.ts');
  const writeKey = await newWriteKey(rig, api);
  const few = { writeKey, connections: 16, batch };
  const started = await residentMb(api.pid);
  const most = await load(rig, api, { ...few, seconds: 8, perSecond: null });
  const half = Math.round(most.perSecond / batch / 2);
  const calm = await watched(api.pid, () =>
    load(rig, api, { ...few, seconds: calmSeconds, perSecond: half }),
  );
  const plan = { writeKey, connections: crowd, batch, seconds, perSecond: (10 * most.perSecond) / batch };
  const over = await watched(api.pid, () => load(rig, api, plan));
  const after = await watched(api.pid, () =>
    load(rig, api, { ...few, seconds: calmSeconds, perSecond: half }),
  );
  const tail = over.samples.filter(({ at }) => at >= seconds - slopeSeconds && at <= seconds);
  const { answers } = over.figures;
  const sent = Object.values(answers).reduce((sum, count) => sum + count, 0) * batch;
  await report('overload', {
    batch,
    eventsPerSecondAtMost: most.perSecond,
    startedMb: started,
    calm: { offeredPerSecond: half * batch, ...calm.figures },
    overload: {
      connections: crowd,
      duePerSecond: 10 * most.perSecond,
      sentPerSecond: Math.round(sent / seconds),
      slopeMbPerMinuteAtEnd: slope(tail),
      ...over.figures,
    },
    after: after.figures,
  });
});

/** Watches a process's memory while something is done to it. */
async function watched<T extends object>(pid: number, work: () => Promise<T>) {
  const samples: Sample[] = [];
  const startedAt = performance.now();
  const ended = new AbortController();
  const working = work().finally(() => ended.abort());
  while (!ended.signal.aborted) {
    samples.push({ at: Math.round(performance.now() - startedAt) / 1_000, mb: await residentMb(pid) });
    await pause(250);
  }
  const done = await working;
  const sizes = samples.map(({ mb }) => mb);
  const everyTenSeconds = samples.filter((_, index) => index % 40 === 0).map(({ mb }) => mb);
  const figures = { ...done, peakMb: Math.max(...sizes), mbEveryTenSeconds: everyTenSeconds };
  say(figures);
  return { figures, samples };
}

/** Megabytes a minute, by least squares. */
function slope(samples: readonly Sample[]): number {
  const mean = (value: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + value(sample), 0) / samples.length;
  const [at, mb] = [mean((sample) => sample.at), mean((sample) => sample.mb)];
  const covariance = mean((sample) => (sample.at - at) * (sample.mb - mb));
  return Number(((60 * covariance) / mean((sample) => (sample.at - at) ** 2)).toFixed(1));
}
