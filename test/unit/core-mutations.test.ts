import { describe, expect, it } from 'vitest';
import { booksMutations } from '../support/mutations/books.ts';
import { clockMutations } from '../support/mutations/clock.ts';
import { laneMutations } from '../support/mutations/lane.ts';
import { Mutant } from '../support/mutations/mutant.ts';
import { orderMutations } from '../support/mutations/order.ts';

/** Within so many histories of the simulation a mistake must show. */
const seeds = 5_000;

/** The simulation is worth what it finds: mistakes as people make them, one at a time, must all break a promise. */
describe.concurrent('the simulation catches that', () => {
  it.each([...laneMutations, ...booksMutations, ...orderMutations, ...clockMutations])(
    '$name ($file)',
    { timeout: 120_000 },
    async (mutation) => {
      const mutant = new Mutant(mutation);
      try {
        expect(await mutant.caughtBy(seeds)).not.toBeNull();
      } finally {
        mutant.remove();
      }
    },
  );
});
