import { describe, test } from 'vitest';
import { cutLinks, disturbLinks, killServer, loseAnswers, stopServer } from './faults.ts';
import { expectNoRepeats, openScenery, recoveryLimitMs, survives } from './run.ts';
import type { RoleName } from './stage.ts';

const scenery = await openScenery(1_000);
const limitMs = recoveryLimitMs.postgres;

describe('Postgres', () => {
  // A worker keeps what it knows until it can write it down: nothing is sent twice.
  test.each([
    ['is killed and started again at once', killServer('postgres', 0), {}],
    ['is killed and away for longer than a lease', killServer('postgres', 7_000), {}],
    ['stands still for longer than a lease', stopServer('postgres', 8_000), { pace: 100 }],
  ])('%s', async (_, fault, options) => {
    const found = await survives(scenery, fault, { limitMs, ...options });
    expectNoRepeats(scenery, found);
  });

  test('cannot be reached by the worker of the replay for longer than a lease', async () => {
    const fault = (holder: RoleName) => cutLinks(holder, 'postgres', 8_000);
    const found = await survives(scenery, fault, { limitMs, pace: 100 });
    expectNoRepeats(scenery, found);
  });

  test('cannot be reached by the API for 3 s: clients send again what was not acknowledged', async () => {
    const found = await survives(scenery, cutLinks('api', 'postgres', 3_000), { limitMs });
    expectNoRepeats(scenery, found);
  });

  test('commits what a worker sent, and the answer is lost: nothing is sent twice', async () => {
    const found = await survives(scenery, loseAnswers('delivery', 'commit', 3), { limitMs });
    expectNoRepeats(scenery, found);
  });

  test('archives what the API sent, and the answer is lost: nothing is archived twice', async () => {
    const found = await survives(scenery, loseAnswers('api', 'archive_append', 3), { limitMs });
    expectNoRepeats(scenery, found);
  });

  test('answers 50 to 200 ms late: all goes on, slower', async () => {
    const late = { latencyMs: 125, jitterMs: 75 };
    const fault = disturbLinks('everything', 'postgres', late, 12_000);
    const found = await survives(scenery, fault, { limitMs, pace: 40 });
    expectNoRepeats(scenery, found);
  });
});

test('Temporal stands still for longer than its heartbeat timeout: nothing is sent twice', async () => {
  const options = { limitMs: recoveryLimitMs.temporal, pace: 60 };
  const found = await survives(scenery, stopServer('temporal', 12_000), options);
  expectNoRepeats(scenery, found);
});

test('Temporal cannot be reached by any worker for longer than its heartbeat timeout: nothing is sent twice', async () => {
  const options = { limitMs: recoveryLimitMs.temporal, pace: 60 };
  const found = await survives(scenery, cutLinks('delivery', 'temporal', 12_000), options);
  expectNoRepeats(scenery, found);
});
