import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Mutation } from './mutation.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const simulations = ['simulation', 'lane-simulation.ts', 'budget-simulation.ts'];
const copied = ['package.json', 'src/core', ...simulations.map((name) => `test/support/${name}`)];
/** A mistake that makes the core go round for ever in one history is found out, too. */
const hangsAfterMs = 20_000;

/** The text of a file of the core with the mistake in it. @throws when it is not clear where it belongs */
function mutated({ file, from, to }: Mutation): string {
  const text = readFileSync(join(root, 'src/core', file), 'utf8');
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${from}`);
  return parts.join(to);
}

/** A core with one mistake and the simulator beside it, in a folder of their own. */
export class Mutant {
  readonly #mutation: Mutation;
  readonly #folder = mkdtempSync(join(tmpdir(), 'reprise-mutant-'));

  constructor(mutation: Mutation) {
    this.#mutation = mutation;
    for (const path of copied) {
      mkdirSync(join(this.#folder, path, '..'), { recursive: true });
      cpSync(join(root, path), join(this.#folder, path), { recursive: true });
    }
    writeFileSync(join(this.#folder, 'src/core', mutation.file), mutated(mutation));
  }

  /** Lives histories until one breaks a promise. @returns which one, null: none of so many did */
  async caughtBy(seeds: number): Promise<string | null> {
    const entry = join(this.#folder, 'test/support/simulation/first-fault-thread.ts');
    const thread = new Worker(pathToFileURL(entry), {
      workerData: { seeds, under: this.#mutation.under ?? {}, shows: this.#mutation.shows ?? 'lane' },
    });
    const timer = setTimeout(() => void thread.terminate(), hangsAfterMs);
    let caught: string | null = 'hangs';
    thread.on('message', (told: string | null | { lived: number }) => {
      if (told === null || typeof told === 'string') caught = told;
      else timer.refresh();
    });
    await once(thread, 'exit');
    clearTimeout(timer);
    return caught;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
