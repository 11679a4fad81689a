// Many short runs, each a transfer that two faults hit within two seconds, judged by the same checker as the tests.
//   npm run chaos -- [--runs 150] [--seed 1]
// The result goes to bench/results/chaos.json. A run that failed is had again by its seed: --runs 1 --seed <seed>.
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { FaultLine, Verdict } from '../support/checker.ts';
import { Random } from '../support/simulation/random.ts';
import type { Fault } from './faults.ts';
import { choosePair } from './pairs.ts';
import { archivePast, type Past } from './past.ts';
import { openStage, type Stage } from './stage.ts';
import type { Finding } from './finding.ts';
import { openTransfer, type Transfer } from './transfer.ts';

interface Run {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly gapMs: number;
  readonly seconds: number;
  readonly events: number;
  readonly requests: number;
  readonly duplicates: number;
  /** How many the faults allow. */
  readonly bound: number;
  /** From the end of the later fault to deliveries again in every run. */
  readonly recoveryMs: number | null;
  /** What is wrong, some of each kind; null: nothing. */
  readonly wrong: Readonly<Record<string, unknown>> | null;
}

/** A stage is left after so many runs, before its archive has grown long, and after one that failed. */
const runsPerStage = 25;
const pastEvents = 600;
/** From the end of a pair: heartbeat timeout, lease, a longest wait between probes, and a machine that does much else. */
const recoveryLimitMs = 45_000;
const resultFile = fileURLToPath(new URL('../../bench/results/chaos.json', import.meta.url));

const { values: options } = parseArgs({
  options: { runs: { type: 'string', default: '150' }, seed: { type: 'string' } },
});
const first = options.seed === undefined ? randomInt(2 ** 31) : Number(options.seed);
const commit = execFileSync('git', ['rev-parse', 'HEAD']).toString().trim();
const begun = performance.now();
const runs: Run[] = [];
/** Runs whose transfer was over when a fault struck or ended, and in which nothing else is wrong: they prove nothing. */
const notCounted: Run[] = [];
let scenery: { stage: Stage; past: Past; runs: number } | null = null;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    report();
    process.exit(1); // which ends the servers, and they the processes
  });
}
try {
  for (let seed = first; runs.length < Number(options.runs); seed++) {
    scenery ??= await openScenery();
    const run = await runOnce(scenery.stage, scenery.past, seed);
    const counts = !missed(run);
    (counts ? runs : notCounted).push(run);
    process.stdout.write(`${counts ? runs.length : 'does not count'}: ${lineOf(run)}\n`);
    if (++scenery.runs < runsPerStage && run.wrong === null) continue;
    await scenery.stage.close();
    scenery = null;
  }
} finally {
  await scenery?.stage.close();
  report();
}
process.exit(runs.some(({ wrong }) => wrong !== null) ? 1 : 0);

function missed({ wrong }: Run): boolean {
  return wrong !== null && Object.keys(wrong).every((name) => name === 'vacuous');
}

async function openScenery() {
  const stage = await openStage();
  return { stage, past: await archivePast(stage, pastEvents), runs: 0 };
}

async function runOnce(stage: Stage, past: Past, seed: number): Promise<Run> {
  const random = new Random(seed);
  const { faults, gapMs } = choosePair(random);
  const startedAt = performance.now();
  const made = { seed, faults: faults.map(({ name }) => name), gapMs };
  const name = `s${seed}`;
  try {
    const transfer = await openTransfer({
      stage,
      past,
      name,
      hits: 'together',
      livePerSecond: 30,
      pace: 60,
    });
    await transfer.underWay();
    await delay(random.int(0, 1_000));
    await Promise.all([
      strike(stage, transfer, faults[0]),
      delay(gapMs).then(() => strike(stage, transfer, faults[1])),
    ]);
    const finding = await transfer.finish();
    return { ...made, seconds: secondsSince(startedAt), ...figuresOf(finding) };
  } catch (error) {
    const nothing = { events: 0, requests: 0, duplicates: 0, bound: 0, recoveryMs: null };
    return { ...made, seconds: secondsSince(startedAt), ...nothing, wrong: { error: String(error) } };
  }
}

async function strike(stage: Stage, transfer: Transfer, fault: Fault): Promise<FaultLine> {
  return await transfer.fault(fault, () => fault.work(stage, transfer));
}

function figuresOf({ verdict, phases, lines, repeats, replay, recoveries }: Finding) {
  const known = recoveries.filter((each) => each !== null);
  const recoveryMs = known.length === 0 ? null : Math.round(Math.max(...known));
  const wrong: Record<string, unknown> = wrongIn(verdict);
  if (replay?.status !== 'completed') wrong['replay'] = replay;
  if (known.length < recoveries.length || Number(recoveryMs) > recoveryLimitMs)
    wrong['recoveries'] = recoveries;
  return {
    events: phases.flat().length,
    requests: lines.length,
    duplicates: verdict.duplicates.length,
    bound: repeats.reduce((sum, { bound }) => sum + bound, 0),
    recoveryMs,
    wrong: Object.keys(wrong).length === 0 ? null : wrong,
  };
}

/** Duplicates that a fault explains are no wrong. */
function wrongIn(verdict: Verdict): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(verdict)
      .filter(([name, list]: [string, string[]]) => name !== 'duplicates' && list.length > 0)
      .map(([name, list]: [string, string[]]) => [name, { count: list.length, some: list.slice(0, 5) }]),
  );
}

function secondsSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 100) / 10;
}

function lineOf({ seed, faults, gapMs, seconds, duplicates, bound, recoveryMs, wrong }: Run): string {
  const verdict = wrong === null ? 'ok' : `WRONG ${JSON.stringify(wrong)}`;
  return `seed ${seed} · ${faults.join(` · ${gapMs} ms · `)} · ${seconds} s · ${duplicates}/${bound} twice · again after ${recoveryMs} ms · ${verdict}`;
}

function report(): void {
  const failures = runs.filter(({ wrong }) => wrong !== null);
  const recoveries = runs.flatMap(({ recoveryMs }) => recoveryMs ?? []).sort((a, b) => a - b);
  const share = (part: number) =>
    recoveries[Math.min(recoveries.length - 1, Math.floor(recoveries.length * part))] ?? null;
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0);
  const kinds = Map.groupBy(
    runs.flatMap(({ faults }) => faults.map((name) => name.replaceAll(/[\d.]+/g, '#'))),
    (name) => name,
  );
  const result = {
    command: `npm run chaos -- --runs ${runs.length} --seed ${first}`,
    commit,
    machine: `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, loopback`,
    minutes: Math.round((performance.now() - begun) / 6_000) / 10,
    runs: runs.length,
    notCounted: notCounted.map(({ seed }) => seed),
    events: sum(({ events }) => events),
    requests: sum(({ requests }) => requests),
    duplicates: { explained: sum(({ duplicates }) => duplicates), bound: sum(({ bound }) => bound) },
    recoveryMs: { median: share(0.5), p95: share(0.95), longest: share(1) },
    faults: Object.fromEntries([...kinds].map(([name, all]) => [name, all.length])),
    failures,
    seeds: runs.map(({ seed, faults, gapMs, recoveryMs }) => ({ seed, faults, gapMs, recoveryMs })),
  };
  writeFileSync(resultFile, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${runs.length} runs, ${failures.length} failed; ${resultFile}\n`);
}
