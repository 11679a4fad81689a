import { parentPort, workerData } from 'node:worker_threads';
import { live } from '../lane-simulation.ts';
import { paceFault } from './pace.ts';
import { scenarioOf, type Scenario } from './scenario.ts';

interface Asked {
  readonly seeds: number;
  readonly under: Partial<Scenario>;
  readonly shows: 'lane' | 'pace';
}

/** Lives histories until one breaks a promise, and says which. */
function firstFault({ seeds, under, shows }: Asked): string | null {
  for (let seed = 1; seed <= seeds; seed++) {
    if (seed % 100 === 0) parentPort!.postMessage({ lived: seed });
    const fault = shows === 'pace' ? paceFault(seed) : live({ ...scenarioOf(seed), ...under }).fault?.kind;
    if (fault != null) return `${fault} (seed ${seed})`;
  }
  return null;
}

parentPort!.postMessage(firstFault(workerData as Asked));
