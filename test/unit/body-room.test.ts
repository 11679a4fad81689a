import { expect, test } from 'vitest';
import { openBodyRoom, type BodyShare } from '../../src/api/tracking/body-room.ts';
import { Random } from '../support/simulation/random.ts';

interface Holder {
  readonly share: BodyShare;
  held: number;
}

const sum = (holders: readonly Holder[]) => holders.reduce((total, { held }) => total + held, 0);

/** Takes, gives back and looks in any order, and holds each answer against a count of its own. */
function interleave(seed: number): void {
  const random = new Random(seed);
  let free = random.int(0, 1_000);
  const room = openBodyRoom(() => free);
  const holders: Holder[] = [];
  const why = (step: number) => `seed ${seed}, step ${step}`;
  for (let step = 0; step < 200; step++) {
    const act = random.int(0, 9);
    if (act === 0) free = random.int(0, 1_000); // as what waits to be stored grows and shrinks
    if (act <= 1 || holders.length === 0) holders.push({ share: room.open(), held: 0 });
    const holder = random.pick(holders);
    if (act <= 6) {
      const bytes = random.chance(0.2) ? free - sum(holders) + random.int(0, 1) : random.int(0, 300);
      if (bytes < 0) continue;
      const fits = sum(holders) + bytes <= free;
      expect(holder.share.take(bytes), why(step)).toBe(fits);
      if (fits) holder.held += bytes;
    } else {
      holder.share.release();
      if (random.chance(0.3)) holder.share.release();
      holder.held = 0;
    }
  }
  for (const { share } of holders) share.release();
  const all = room.open();
  expect(all.take(free + 1), `seed ${seed}: more than there is`).toBe(false);
  expect(all.take(free), `seed ${seed}: all that there is`).toBe(true);
  expect(room.open().take(1), `seed ${seed}: a byte beyond`).toBe(false);
}

test('whatever order bodies come and go in, they hold no more than there is, and all of it comes back', () => {
  for (let seed = 1; seed <= 3_000; seed++) interleave(seed);
});
