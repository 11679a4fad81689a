import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowanceMs, Pacer } from '../../src/core/pacer.ts';

/** Sends as fast as the pacer allows, over stretches that follow each other. @returns when each event left */
function sendAll(params: {
  rate: number;
  batch: number;
  forMs: number;
  /** How late the caller looks each time; milliseconds. */
  late: () => number;
  /** Milliseconds between two stretches. */
  gapMs: number;
}): { left: number[]; pacer: Pacer } {
  const { rate, forMs, late, gapMs } = params;
  const pacer = new Pacer(rate);
  const left: number[] = [];
  let from = 0;
  for (let now = 0; now < forMs;) {
    if (pacer.wantsMore(now)) {
      pacer.add({ from, until: from + allowanceMs(rate) });
      from += allowanceMs(rate) + gapMs;
    }
    const events = Math.min(params.batch, pacer.batchLimit);
    if (pacer.take(events, now)) for (let event = 0; event < events; event++) left.push(now);
    const at = pacer.leaveAt(now);
    now = Math.max(now + 1, at ?? 0) + late();
  }
  return { left, pacer };
}

/** Most events within any stretch of a length. */
function most(left: readonly number[], lengthMs: number): number {
  let first = 0;
  let most = 0;
  left.forEach((at, index) => {
    while (left[first]! <= at - lengthMs) first++;
    most = Math.max(most, index - first + 1);
  });
  return most;
}

describe('a pacer', () => {
  it('keeps the rate in every second, however late it is asked and wherever stretches end', () => {
    const anyRate = fc.constantFrom(1, 5, 20, 100, 333, 1_000);
    fc.assert(
      fc.property(
        anyRate,
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 0, max: 300 }),
        (rate, batch, lates, gapMs) => {
          let turn = 0;
          const late = () => lates[turn++ % lates.length]!;
          const { left, pacer } = sendAll({ rate, batch, forMs: 6_000, late, gapMs });
          // A twentieth of a second is caught up, and the first request leaves before its own time has passed.
          const limit = rate * 1.05 + Math.min(batch, pacer.batchLimit) + 1;
          expect(most(left, 1_000)).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reaches the rate when it is asked in time', () => {
    for (const rate of [2, 50, 400]) {
      const { left } = sendAll({ rate, batch: 1, forMs: 10_000, late: () => 0, gapMs: 0 });
      expect(left.length).toBeGreaterThanOrEqual(rate * 10 * 0.9);
    }
  });

  it('is not slowed by timers that fire a little late', () => {
    const { left } = sendAll({ rate: 100, batch: 1, forMs: 10_000, late: () => 8, gapMs: 0 });
    expect(left.length).toBeGreaterThanOrEqual(950);
  });

  it('loses time that was not used', () => {
    const pacer = new Pacer(100);
    pacer.add({ from: 0, until: 250 });
    pacer.add({ from: 250, until: 500 });
    let left = 0;
    for (let now = 490; now < 500; now++) if (pacer.take(1, now)) left++;
    expect(left).toBeLessThanOrEqual(6);
  });

  it('allows nothing outside its stretches', () => {
    const pacer = new Pacer(1_000);
    expect(pacer.leaveAt(0)).toBeNull();
    expect(pacer.take(1, 0)).toBe(false);
    pacer.add({ from: 100, until: 350 });
    expect(pacer.leaveAt(0)).toBe(100);
    expect(pacer.take(1, 99)).toBe(false);
    expect(pacer.take(1, 100)).toBe(true);
    expect(pacer.leaveAt(350)).toBeNull();
    expect(pacer.take(1, 350)).toBe(false);
  });

  it('asks for the next stretch before the last one is used up', () => {
    const pacer = new Pacer(10);
    expect(pacer.wantsMore(0)).toBe(true);
    pacer.add({ from: 0, until: 1_000 });
    expect(pacer.wantsMore(800)).toBe(false);
    expect(pacer.wantsMore(900)).toBe(true);
  });

  it('takes a new rate for what leaves next', () => {
    const pacer = new Pacer(10);
    pacer.eventsPerSecond = 1_000;
    pacer.add({ from: 0, until: 10_000 });
    pacer.take(1, 0);
    expect(pacer.leaveAt(0)).toBe(1);
  });

  it('neither waits out the interval of a slower rate nor keeps its stretches', () => {
    const pacer = new Pacer(0.05);
    pacer.add({ from: 0, until: 20_000 });
    pacer.take(1, 0);
    pacer.add({ from: 20_000, until: 40_000 });
    pacer.eventsPerSecond = 1_000;
    expect(pacer.wantsMore(500)).toBe(true);
    pacer.add({ from: 500, until: 750 });
    expect(pacer.leaveAt(500)).toBe(500);
  });

  it('lets a request carry no more than its stretch has left, so that holders in turn keep the rate', () => {
    for (const [rate, batch] of [
      [100, 7],
      [100, 10],
      [1_000, 64],
      [333, 33],
      [5, 1],
      [7, 1],
    ] as const) {
      const pacer = new Pacer(rate);
      pacer.add({ from: 1_000, until: 1_000 + allowanceMs(rate) });
      let sent = 0;
      for (let now = 1_000; pacer.leaveAt(now) !== null; now += 0.25) {
        const events = Math.min(batch, pacer.room(now));
        if (pacer.take(events, now)) sent += events;
      }
      expect(sent).toBe(Math.round((allowanceMs(rate) * rate) / 1_000));
    }
  });

  it("lets a request carry a tenth of a second's events, and always one", () => {
    expect([0.1, 1, 19, 100, 1_000].map((rate) => new Pacer(rate).batchLimit)).toEqual([1, 1, 1, 10, 100]);
  });
});

it('makes a stretch a quarter of a second, or one event long if that is longer', () => {
  expect([0.5, 4, 5, 10, 1_000].map(allowanceMs)).toEqual([2_000, 250, 400, 300, 250]);
});
