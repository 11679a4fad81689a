import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, inject } from 'vitest';
import { flawless } from '../support/checker.ts';
import { Random } from '../support/simulation/random.ts';
import type { Fault } from './faults.ts';
import { archivePast, type Past } from './past.ts';
import { openStage, roleNames, type RoleName, type Stage } from './stage.ts';
import { enough, type Finding } from './finding.ts';
import { openTransfer, type TransferOptions } from './transfer.ts';

/** How long deliveries may take to come again after the end of a fault, without a human step; milliseconds. */
export const recoveryLimitMs = {
  /** Heartbeat timeout, lease, and what it takes to notice both. */
  worker: 17_000,
  /** One that stands still may be given the slice once more before another gets it. */
  stoppedWorker: 29_000,
  api: 2_000,
  postgres: 3_000,
  temporal: 10_000,
  /** A destination that was down is probed at the latest after the longest wait, with its jitter. */
  destination: 5_000,
} as const;
/** What a machine that does much else may add to that, beside the time that a process takes to start that was ended. */
const busyMs = 3_000;

export interface Scenery {
  readonly stage: Stage;
  readonly past: Past;
  readonly seed: number;
}

/** Starts Reprise with a past of so many events; it ends with the test file. To be called while the file loads. */
export async function openScenery(events: number): Promise<Scenery> {
  const stage = await openStage();
  afterAll(() => stage.close());
  return { stage, past: await archivePast(stage, events), seed: inject('chaosSeed') };
}

let transfers = 0;

/**
 * Lets a fault happen to a transfer under way, and expects that nothing comes of it but what must.
 * @param strike what happens, perhaps to the delivery worker that works the replay
 * @param options.limitMs in how long deliveries must come again after its end
 */
export async function survives(
  { stage, past, seed }: Scenery,
  strike: Fault | ((holder: RoleName) => Fault),
  options: Partial<TransferOptions> & { readonly limitMs: number },
): Promise<Finding> {
  const name = `t${++transfers}`;
  const { limitMs, ...more } = options;
  const transfer = await openTransfer({ stage, past, name, ...more });
  await transfer.underWay();
  const fault = typeof strike === 'function' ? strike(await transfer.holder()) : strike;
  // The same seed gives the same moment, whichever other tests run.
  const random = new Random(
    Buffer.from(fault.name).reduce((mixed, byte) => Math.imul(mixed, 31) + byte, seed),
  );
  await transfer.answered((await transfer.sink.state()).answered + random.int(0, 4 * enough));
  await transfer.fault(fault, () => fault.work(stage, transfer));
  const finding = await transfer.finish();
  tell(seed, finding);
  expectSound(finding);
  for (const recovery of finding.recoveries) {
    expect(recovery, 'deliveries never came again').not.toBeNull();
    const boots = (fault.restarts ?? []).map((name) => stage.roles[name].bootMs);
    expect(recovery).toBeLessThan(limitMs + busyMs + Math.max(0, ...boots));
  }
  return finding;
}

/** Nothing is wrong: each event arrived, and what came twice had to. */
export function expectSound({ verdict, replay, phases }: Finding): void {
  const found = Object.fromEntries(Object.entries(verdict).map(([name, list]) => [name, list.slice(0, 5)]));
  expect(found).toEqual({ ...flawless, duplicates: found['duplicates'] });
  const [past] = phases;
  expect(replay).toMatchObject({
    status: 'completed',
    counts: { selected: past.length, delivered: past.length, dead: 0, waiting: 0, remaining: 0 },
  });
}

/** Nothing came twice; if something did, with what the processes had to complain of. */
export function expectNoRepeats({ stage }: Scenery, { verdict, faults }: Finding): void {
  const since = Math.min(...faults.map(({ t0 }) => t0));
  if (verdict.duplicates.length > 0) process.stdout.write(`${complaints(stage, since).join('\n')}\n`);
  expect(verdict.duplicates).toEqual([]);
}

/** Warnings and errors in the logs of all processes. @param since milliseconds since 1970 */
function complaints({ folder }: Stage, since: number): string[] {
  return roleNames.flatMap((name) => {
    const lines = readFileSync(join(folder, `${name}.log`), 'utf8').split('\n');
    return lines
      .filter((line) => /"level":[4-6]0/.test(line) && Number(/"time":(\d+)/.exec(line)?.[1]) >= since)
      .slice(0, 20)
      .map((line) => `${name}: ${line.slice(0, 600)}`);
  });
}

/** One line for a person: what was measured, and how to have the same again. */
export function tell(seed: number, { faults, recoveries, repeats, lines, verdict }: Finding): void {
  const parts = faults.map(({ name, t0, t1 }, index) => {
    const recovery = recoveries[index];
    const back =
      recovery === null || recovery === undefined ? 'never' : `${(recovery / 1_000).toFixed(1)} s after`;
    const { repeated = 0, bound = 0 } = repeats[index] ?? {};
    return `${name} (${((t1 - t0) / 1_000).toFixed(1)} s): deliveries again ${back}; ${repeated} of at most ${bound} came twice`;
  });
  process.stdout.write(
    `    ${parts.join('; ')}; ${lines.length} requests, ${verdict.duplicates.length} duplicates; CHAOS_SEED=${seed}\n`,
  );
}
