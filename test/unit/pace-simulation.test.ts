import { expect, it } from 'vitest';
import { paceFault } from '../support/simulation/pace.ts';

it(
  'no second sees more than its rate allows, whoever shares it and whatever changes',
  { timeout: 120_000 },
  () => {
    for (let seed = 1; seed <= 1_000; seed++) expect(paceFault(seed), `seed ${seed}`).toBeNull();
  },
);
