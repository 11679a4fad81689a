import { randomInt } from 'node:crypto';

/** The seed of what is generated: that of `POISON_SEED`, to have the same again, else a new one, which is printed. */
export function poisonSeed(): number {
  const given = process.env['POISON_SEED'];
  const seed = given === undefined || given === '' ? randomInt(2 ** 31) : Number(given);
  process.stdout.write(`poison: POISON_SEED=${seed} makes the same again\n`);
  return seed;
}
