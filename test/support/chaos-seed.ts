import { randomInt } from 'node:crypto';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    chaosSeed: number;
  }
}

/** One seed for the run: that of `CHAOS_SEED`, to have a run again, else a new one. */
export default function setup(project: TestProject): void {
  const given = process.env['CHAOS_SEED'];
  const seed = given === undefined || given === '' ? randomInt(2 ** 31) : Number(given);
  process.stdout.write(`chaos: CHAOS_SEED=${seed} runs the same again\n`);
  project.provide('chaosSeed', seed);
}
