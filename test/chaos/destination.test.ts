import { beforeAll, describe, expect, test } from 'vitest';
import { isTaken } from '../support/checker.ts';
import { answer, cutSink } from './faults.ts';
import { openScenery, recoveryLimitMs, survives } from './run.ts';
import type { Finding } from './finding.ts';

const scenery = await openScenery(1_000);
const limitMs = recoveryLimitMs.destination;
const delayMs = 60;
const transfer = { pace: 120, sink: { delayMs } };

describe('the destination', () => {
  let gone: Promise<Finding>;
  beforeAll(() => {
    // Another destination than those of the other tests, which meanwhile find nothing of it.
    // Slower, so that the cut finds requests in flight although another test runs beside it.
    const slower = { ...transfer, sink: { delayMs: 150 } };
    gone = survives(scenery, cutSink(60_000), { limitMs, livePerSecond: 15, ...slower });
    gone.catch(() => undefined); // its test says what is wrong
  });

  test('answers 500 to a fifth of the requests: each event arrives once and in order', async () => {
    const fault = answer('500 for 20 %', { delayMs, refuse: { status: 500, share: 0.2 } }, 5_000);
    const { lines, verdict } = await survives(scenery, fault, { limitMs, ...transfer });
    expect(verdict.duplicates).toEqual([]);
    expect(lines.filter((line) => !isTaken(line)).length).toBeGreaterThan(50);
  });

  test('answers 429 with Retry-After: nothing is sent before that time is over', async () => {
    const fault = answer(
      '429 with Retry-After',
      { delayMs, refuse: { status: 429, retryAfterSeconds: 4 } },
      1_000,
    );
    const { lines, verdict, reasons } = await survives(scenery, fault, { limitMs, ...transfer });
    expect(verdict.duplicates).toEqual([]);
    expect(lines.filter((line) => line.answer === 429).length).toBeGreaterThan(0);
    expect(reasons.filter((reason) => reason.startsWith('throttled'))).not.toEqual([]);
  });

  test('takes events and then answers 503: they come again, and nothing else does', async () => {
    const fault = answer('taken, then 503', { delayMs, refuse: { status: 503, share: 0.3 } }, 3_000);
    const { lines, phases } = await survives(scenery, fault, { limitMs, ...transfer });
    const failed = lines.filter((line) => !isTaken(line)).length;
    expect(failed).toBeGreaterThan(20);
    expect(lines).toHaveLength(phases.flat().length + failed);
  });

  test.each(['before', 'in', 'after'] as const)('resets the connection %s the answer', async (when) => {
    const fault = answer(`reset ${when} the answer`, { delayMs, cut: { when, share: 0.1 } }, 3_000);
    const { lines } = await survives(scenery, fault, { limitMs, ...transfer });
    expect(lines.filter(({ cut }) => cut === when).length).toBeGreaterThan(20);
  });

  test('is gone for a minute: nothing is given up, and it goes on when it is back', async () => {
    const { reasons } = await gone;
    expect(reasons.filter((reason) => reason.startsWith('destination_down'))).not.toEqual([]);
  });
});
