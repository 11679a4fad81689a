import { most, simulate, type Taker } from '../budget-simulation.ts';
import { Random } from './random.ts';

const forMs = 4_000;

/**
 * Several who send by one budget, and one pace of their own: they come, die, are late and wait for answers, and what
 * they may changes meanwhile. @returns what of it was broken, null: nothing
 */
export function paceFault(seed: number): string | null {
  const random = new Random(seed);
  const rates = [0, random.int(1_200, 2_500)].map((at) => ({ at, rate: random.pick([5, 20, 50, 200]) }));
  const byPace = random.chance(0.4);
  const closed = random.chance(0.3) ? [{ at: random.int(500, 1_500), forMs: random.int(200, 1_200) }] : [];
  const takers = Array.from({ length: random.int(1, 4) }, () => takerOf(random));
  const sent = simulate({
    forMs,
    takers,
    budgets: rates.map(({ at, rate }) => ({ at, budget: { eventsPerSecond: byPace ? 1_000 : rate } })),
    paces: byPace ? rates.map(({ at, rate }) => ({ at, pace: rate })) : [],
    throttles: closed,
  });
  for (const [index, { at, rate }] of rates.entries()) {
    const until = rates[index + 1]?.at ?? forMs;
    // Blocks that were fetched for the rate before may still come.
    const settled = index === 0 ? at : at + 500;
    const request = Math.max(1, ...takers.map(({ batchSize }) => Math.min(batchSize, Math.floor(rate / 10))));
    // A tenth, and what lies on the border of the second.
    const limit = rate * 1.1 + request;
    const times = sent.map((one) => one.at).filter((time) => time >= settled && time < until);
    if (most(times) > limit) return `${most(times)} in a second at ${rate}`;
    const isWorked = takers.some(({ from, diesAt }) => (from ?? 0) <= at && (diesAt ?? forMs) >= until);
    const least = ((until - settled - 500) / 1_000) * rate * 0.7;
    if (isWorked && closed.length === 0 && !byPace && rate >= 20 && times.length < least)
      return `only ${times.length} in ${until - settled} ms at ${rate}`;
  }
  for (const { at, forMs } of closed)
    if (sent.some((one) => one.at > at && one.at < at + forMs)) return 'sent within a Retry-After';
  return null;
}

function takerOf(random: Random): Taker {
  const some = (most: number) => Array.from({ length: random.int(1, 4) }, () => random.int(1, most));
  return {
    kind: 'replay',
    batchSize: random.pick([1, 1, 1, 10]),
    from: random.pick([0, 0, random.int(0, 2_000)]),
    diesAt: random.chance(0.3) ? random.int(500, forMs) : undefined,
    answersIn: some(random.pick([5, 60])),
    // A request that would be written later than this is not written at all.
    late: some(random.pick([1, 25])),
  };
}
