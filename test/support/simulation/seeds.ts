import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** Seeds one after another. */
export interface Seeds {
  readonly from: number;
  readonly count: number;
}

/** What became of the histories of some seeds. */
export interface SeedsLived {
  /** How often what was seen. */
  readonly total: Record<string, number>;
  /** Seeds that broke a promise, each with its history in its smallest form. */
  readonly failures: readonly { readonly seed: number; readonly report: string }[];
}

const seedsPerLot = 500;

/**
 * Lives through the histories of seeds in as many threads as there are processors. Stops early when seeds fail.
 * @param params.failuresWanted after how many failures nothing more is begun
 * @param params.onLot told after each lot how many have been lived
 * @param params.stop once aborted, nothing more is begun
 * @returns with how many have been lived, from the first on
 */
export async function liveInThreads(
  seeds: Seeds,
  params: { failuresWanted?: number; onLot?: (lived: number) => void; stop?: AbortSignal } = {},
): Promise<SeedsLived & { readonly lived: number }> {
  const { failuresWanted = 1, onLot, stop } = params;
  const total: Record<string, number> = {};
  const failures: SeedsLived['failures'][number][] = [];
  let begun = 0;
  let lived = 0;
  const work = async () => {
    const thread = new Worker(new URL('./seeds-thread.ts', import.meta.url));
    try {
      const goesOn = () => begun < seeds.count && failures.length < failuresWanted && stop?.aborted !== true;
      while (goesOn()) {
        const lot = { from: seeds.from + begun, count: Math.min(seedsPerLot, seeds.count - begun) };
        begun += lot.count;
        thread.postMessage(lot);
        const [part] = (await once(thread, 'message')) as [SeedsLived];
        addUp(total, part.total);
        failures.push(...part.failures);
        onLot?.((lived += lot.count));
      }
    } finally {
      await thread.terminate();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return { total, failures, lived };
}

export function addUp(total: Record<string, number>, part: Readonly<Record<string, number>>): void {
  for (const [name, times] of Object.entries(part)) total[name] = (total[name] ?? 0) + times;
}
