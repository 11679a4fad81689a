import { randomInt } from 'node:crypto';

/** The seed of what is generated: that of `FUZZ_SEED`, to have the same again, else a new one, which is printed. */
export function fuzzSeed(): number {
  const given = process.env['FUZZ_SEED'];
  const seed = given === undefined || given === '' ? randomInt(2 ** 31) : Number(given);
  process.stdout.write(`fuzz: FUZZ_SEED=${seed} makes the same requests again\n`);
  return seed;
}
