import { parentPort, workerData } from 'node:worker_threads';
import { live } from '../lane-simulation.ts';
import { scenarioOf, type Scenario } from './scenario.ts';

/** Lives histories until one breaks a promise, and says which. */
function firstFault({ seeds, under }: { seeds: number; under: Partial<Scenario> }): string | null {
  for (let seed = 1; seed <= seeds; seed++) {
    if (seed % 100 === 0) parentPort!.postMessage({ lived: seed });
    const { fault } = live({ ...scenarioOf(seed), ...under });
    if (fault !== null) return `${fault.kind} (seed ${seed})`;
  }
  return null;
}

parentPort!.postMessage(firstFault(workerData as Parameters<typeof firstFault>[0]));
