import { expect, it } from 'vitest';
import { live, seedsAsked } from '../support/lane-simulation.ts';
import { scenarioOf } from '../support/simulation/scenario.ts';
import { liveInThreads } from '../support/simulation/seeds.ts';

/**
 * Lanes on virtual time, between an archive, a database that keeps what was committed and a destination that goes
 * wrong; slices end and crash at any moment. At each commit and at the end: nothing is lost, nothing is falsely done,
 * nothing is sent twice but what a crash or a lost answer left open, each user's events arrive in order, all counts are
 * right, and a destination that is down or asked for a pause gets nothing but single probes.
 *
 * `LANE_SEED=7` lives that history again; `npm run simulate -- 1000000` lives through more of them.
 */
const seeds = seedsAsked();
const witnessed =
  'copies repeats probes outlasted refusals together setAside adjourned dead notSent lossesInFlight cut fenced paused stoppedInFlight cancelled deleted extended suppressed braked'.split(
    ' ',
  );

it('lanes keep their promises under faults', { timeout: 60_000 + seeds.count * 5 }, async () => {
  const { total, failures } = await liveInThreads(seeds);
  if (failures.length > 0) throw new Error(failures.map(({ report }) => report).join('\n\n'));
  // A run in which nothing went wrong proves nothing.
  if (seeds.count < 1_000) return;
  expect(total['completed']).toBeGreaterThan(seeds.count / 3);
  for (const name of witnessed) expect(total[name], name).toBeGreaterThan(seeds.count / 100);
  expect(total['slices']).toBeGreaterThan(seeds.count * 2);
});

it('lives the same history again from the same seed', () => {
  const [once, again] = [live(scenarioOf(9), true), live(scenarioOf(9), true)];
  expect(once.trace.length).toBeGreaterThan(10);
  expect(again).toEqual(once);
});
