import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Block } from '../../src/core/budget.ts';
import { Pacer } from '../../src/core/pacer.ts';

/** A block of some events at a rate. */
function blockOf(perSecond: number, events: number, from: number, batch = 1): Block {
  const eventMs = 1_000 / perSecond;
  const until = from + events * eventMs;
  return { from, until, events, requests: Number.POSITIVE_INFINITY, eventMs, requestMs: 0, batch };
}

/** Looks at a pacer at these times, and sends all it may. @returns when each event left */
function sendAt(pacer: Pacer, times: readonly number[]): number[] {
  const left: number[] = [];
  for (const now of times) {
    for (let room = pacer.room(now); room > 0; room = pacer.room(now)) {
      pacer.take(room, now);
      for (let event = 0; event < room; event++) left.push(now);
    }
  }
  return left;
}

describe('a pacer', () => {
  it('spaces what it sends over its blocks', () => {
    const pacer = new Pacer('replay');
    pacer.add(blockOf(100, 10, 1_000));
    pacer.add(blockOf(100, 10, 1_100));
    const left = sendAt(
      pacer,
      Array.from({ length: 400 }, (_, ms) => 950 + ms),
    );
    expect(left).toEqual(Array.from({ length: 20 }, (_, event) => 1_000 + event * 10));
  });

  it('sends nothing before its blocks, hardly anything behind them and never more than they hold, however late it is asked', () => {
    const delays = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 5, maxLength: 60 });
    const anyRate = fc.constantFrom(1, 20, 100, 1_000);
    fc.assert(
      fc.property(
        delays,
        anyRate,
        fc.integer({ min: 1, max: 30 }),
        fc.nat(200),
        (lates, rate, events, gap) => {
          const pacer = new Pacer('replay');
          const first = blockOf(rate, events, 100);
          const second = blockOf(rate, events, first.until + gap);
          pacer.add(first);
          pacer.add(second);
          let now = 0;
          const left = sendAt(
            pacer,
            lates.map((late) => (now += late)),
          );
          expect(left.every((at) => at >= first.from && at < second.until + 65)).toBe(true);
          expect(left.filter((at) => at < second.from).length).toBeLessThanOrEqual(events);
          expect(left.filter((at) => at >= first.until + 65).length).toBeLessThanOrEqual(events);
          expect(left.length).toBeLessThanOrEqual(2 * events);
        },
      ),
    );
  });

  it('can use a block that is shorter than a timer is exact', () => {
    const pacer = new Pacer('replay');
    pacer.add(blockOf(2_000, 1, 100));
    expect(sendAt(pacer, [99, 112, 113])).toEqual([112]);
  });

  it('makes up for a little lateness, and for no more', () => {
    const pacer = new Pacer('replay');
    pacer.add(blockOf(1_000, 500, 0));
    expect(sendAt(pacer, [0])).toHaveLength(1);
    expect(sendAt(pacer, [20])).toHaveLength(20);
    const burst = sendAt(pacer, [400]).length;
    expect(burst).toBeGreaterThan(20);
    expect(burst).toBeLessThanOrEqual(75);
  });

  it('lets a request keep the next one waiting for the time of its events', () => {
    const pacer = new Pacer('replay');
    pacer.add(blockOf(100, 30, 0, 10));
    expect(sendAt(pacer, [0, 99])).toHaveLength(10);
    expect(pacer.leaveAt(99)).toBe(100);
    pacer.take(4, 100);
    expect(pacer.leaveAt(100)).toBe(140);
  });

  it('keeps requests apart where those are limited, and counts them', () => {
    const pacer = new Pacer('replay');
    pacer.add({ from: 0, until: 200, events: 100, requests: 2, eventMs: 0, requestMs: 100, batch: 50 });
    pacer.take(1, 0);
    expect(pacer.leaveAt(50)).toBe(100);
    pacer.take(1, 100);
    expect(pacer.leaveAt(150)).toBeNull();
  });

  it('says when to fetch: at once when it has nothing, else before the last block is over', () => {
    const pacer = new Pacer('replay');
    expect(pacer.fetchAt(70, 0)).toBe(70);
    pacer.add(blockOf(10, 10, 0));
    expect(pacer.fetchAt(70, 0)).toBeLessThan(1_000 - 100);
    expect(pacer.fetchAt(70, 0)).toBeGreaterThan(1_000 - 150);
    expect(pacer.fetchAt(70, 200)).toBe(pacer.fetchAt(70, 0) - 200);
  });

  it('gives up what it holds, and what the last event of a slow rate would keep waiting', () => {
    const pacer = new Pacer('replay');
    pacer.add(blockOf(0.05, 1, 0));
    pacer.take(1, 0);
    pacer.clear();
    expect(pacer.leaveAt(10)).toBeNull();
    pacer.add(blockOf(1_000, 100, 10));
    expect(pacer.leaveAt(10)).toBe(10);
  });
});
