import { describe, expect, it } from 'vitest';
import { live, liveAll, seedsAsked } from '../support/lane-simulation.ts';
import { scenarioOf } from '../support/simulation/scenario.ts';

/**
 * Lanes on virtual time, between an archive, a database that keeps what was committed and a destination that goes
 * wrong; slices end and crash at any moment. At each commit and at the end: nothing is lost, nothing is falsely done,
 * nothing is sent twice but what a crash or a lost answer left open, each user's events arrive in order, all counts are
 * right, and a destination that is down or asked for a pause gets nothing but single probes.
 *
 * `LANE_SEED=7` lives that history again, `LANE_SEEDS=1000000` lives through more of them.
 */
const { from, count } = seedsAsked();
const parts = Math.min(10, count);
const size = Math.ceil(count / parts);
const total: Record<string, number> = {};

describe('lanes under faults', () => {
  it.each(Array.from({ length: parts }, (_, part) => from + part * size))(
    'keep their promises from seed %i on',
    { timeout: Math.max(60_000, size * 50) },
    (first) => {
      const seen = liveAll(first, Math.min(size, from + count - first));
      for (const [name, times] of Object.entries(seen)) total[name] = (total[name] ?? 0) + times;
    },
  );

  // A run in which nothing went wrong proves nothing.
  it.skipIf(count < 1_000)('were put to the test', () => {
    expect(total['done']).toBeGreaterThan(count / 2);
    for (const name of ['copies', 'repeats', 'crashesInFlight', 'probes', 'refusals', 'setAside', 'dead'])
      expect(total[name], name).toBeGreaterThan(count / 100);
    expect(total['slices']).toBeGreaterThan(count * 2);
  });
});

it('lives the same history again from the same seed', () => {
  const [once, again] = [live(scenarioOf(9), true), live(scenarioOf(9), true)];
  expect(once.trace.length).toBeGreaterThan(10);
  expect(again).toEqual(once);
});
