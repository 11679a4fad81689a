import { parentPort, workerData } from 'node:worker_threads';
import { live } from '../lane-simulation.ts';
import { scenarioOf } from './scenario.ts';

/** Lives histories until one breaks a promise, and says which. */
function firstFault(seeds: number): string | null {
  for (let seed = 1; seed <= seeds; seed++) {
    if (seed % 100 === 0) parentPort!.postMessage({ lived: seed });
    const { fault } = live(scenarioOf(seed));
    if (fault !== null) return `${fault.kind} (seed ${seed})`;
  }
  return null;
}

parentPort!.postMessage(firstFault(workerData as number));
