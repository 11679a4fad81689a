import { describe, expect, test } from 'vitest';
import { endRoles, killServer, stopRole } from './faults.ts';
import { expectNoRepeats, openScenery, recoveryLimitMs, survives } from './run.ts';

const scenery = await openScenery(1_000);

describe('SIGKILL', () => {
  test('of the delivery worker that works the replay', async () => {
    const limitMs = recoveryLimitMs.worker;
    const found = await survives(scenery, (holder) => endRoles(holder, 'SIGKILL'), { limitMs });
    expect(found.repeats[0]?.repeated).toBeGreaterThan(0); // it had something in its hands
  });

  test('of every delivery worker, when one user holds the checkpoint back', async () => {
    // Much is delivered and written down beyond the checkpoint: nothing of it comes again.
    const sink = { delayMs: 100, slow: { users: ['past-user-0-7'], delayMs: 2_000 } };
    const options = { limitMs: recoveryLimitMs.worker, sink };
    const found = await survives(scenery, endRoles('delivery', 'SIGKILL'), options);
    expect(found.repeats[0]?.repeated).toBeLessThanOrEqual(found.repeats[0]?.bound ?? 0);
  });

  test('of the API', async () => {
    const found = await survives(scenery, endRoles('api', 'SIGKILL'), { limitMs: recoveryLimitMs.api });
    expectNoRepeats(scenery, found);
  });

  test('of the orchestration worker', async () => {
    const limitMs = recoveryLimitMs.worker;
    const found = await survives(scenery, endRoles('orchestration', 'SIGKILL'), { limitMs });
    expectNoRepeats(scenery, found);
  });

  test('of all processes at once', async () => {
    await survives(scenery, endRoles('everything', 'SIGKILL'), { limitMs: recoveryLimitMs.worker });
  });

  test('of Temporal, away for 10 s', async () => {
    const limitMs = recoveryLimitMs.temporal;
    const found = await survives(scenery, killServer('temporal', 10_000), { limitMs, pace: 60 });
    expectNoRepeats(scenery, found);
  });
});

describe('SIGTERM repeats nothing:', () => {
  const limitMs = recoveryLimitMs.worker;

  test('of the delivery worker that works the replay', async () => {
    const found = await survives(scenery, (holder) => endRoles(holder, 'SIGTERM'), { limitMs });
    expectNoRepeats(scenery, found);
  });

  test.each(['delivery', 'api', 'orchestration', 'everything'] as const)('of %s', async (target) => {
    const found = await survives(scenery, endRoles(target, 'SIGTERM'), { limitMs });
    expectNoRepeats(scenery, found);
  });
});

describe('SIGSTOP', () => {
  test('of a delivery worker for 40 s: others take over, and when it wakes up it sends nothing', async () => {
    const options = { limitMs: recoveryLimitMs.stoppedWorker, livePerSecond: 20, pace: 18 };
    const found = await survives(scenery, (holder) => stopRole(holder, 40_000), options);
    expect(found.repeats[0]?.repeated).toBeGreaterThan(0); // it had something in its hands
  });

  test('of the orchestration worker for 12 s: what is under way goes on', async () => {
    const options = { limitMs: recoveryLimitMs.worker, pace: 60 };
    const found = await survives(scenery, stopRole('orchestration', 12_000), options);
    expectNoRepeats(scenery, found);
  });

  test('of the API for 6 s', async () => {
    const found = await survives(scenery, stopRole('api', 6_000), { limitMs: recoveryLimitMs.api, pace: 60 });
    expectNoRepeats(scenery, found);
  });
});
