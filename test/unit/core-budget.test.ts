import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closeAccount, closedForMs, freshBooks, keepsRate, takeBlock } from '../../src/core/budget.ts';
import { learntNow } from '../../src/core/learnt-rate.ts';
import { most, simulate, type Scenario, type Sent, type Taker } from '../support/budget-simulation.ts';

const replay: Taker = { kind: 'replay', batchSize: 1 };
const stream: Taker = { kind: 'stream', batchSize: 1 };
const steady = (eventsPerSecond: number) => [{ at: 0, budget: { eventsPerSecond } }];
const times = (sent: readonly Sent[]) => sent.map(({ at }) => at);
const every = (ms: number, forMs: number) =>
  Array.from({ length: Math.floor(forMs / ms) }, (_, index) => index * ms);

/** Takers whose answers and timers come when they like. */
const anyTakers = fc.array(
  fc.record({
    kind: fc.constant('replay' as const),
    batchSize: fc.constantFrom(1, 1, 5, 64),
    from: fc.nat(2_000),
    diesAt: fc.option(fc.integer({ min: 500, max: 6_000 }), { nil: Infinity }),
    answersIn: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
    late: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 5 },
);
const anyStream = fc.option(
  fc.record({
    kind: fc.constant('stream' as const),
    batchSize: fc.constantFrom(1, 20),
    answersIn: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
    arrivals: fc.option(
      fc.integer({ min: 3, max: 400 }).map((ms) => every(ms, 6_000)),
      { nil: undefined },
    ),
  }),
);
const anyRate = fc.constantFrom(5, 20, 50, 200, 1_000);

const withStream = (takers: readonly Taker[], own: Taker | null) =>
  own === null ? takers : [...takers, own];

describe('a budget', () => {
  it('is kept in every second, whoever takes of it, whenever takers come, die and are late', () => {
    fc.assert(
      fc.property(anyTakers, anyStream, anyRate, (takers, own, rate) => {
        const all = withStream(takers, own);
        const sent = simulate({ forMs: 6_000, budgets: steady(rate), takers: all });
        // Beside the tenth that any second may have, the rest of a request may lie across its border.
        const request = Math.max(
          1,
          ...all.map(({ batchSize }) => Math.min(batchSize, Math.floor(rate / 10))),
        );
        expect(most(times(sent))).toBeLessThanOrEqual(rate * 1.1 + request);
      }),
      { numRuns: 40 },
    );
  });

  it('with one event per request no second sees more than a tenth too many', () => {
    fc.assert(
      fc.property(anyTakers, fc.constantFrom(20, 50, 200, 1_000), (takers, rate) => {
        const all = takers.map((taker) => ({ ...taker, batchSize: 1 }));
        const sent = simulate({ forMs: 5_000, budgets: steady(rate), takers: all });
        expect(most(times(sent))).toBeLessThanOrEqual(rate * 1.1);
      }),
      { numRuns: 40 },
    );
  });

  it('is used up when there is enough to send', () => {
    for (const rate of [2, 50, 200, 1_000]) {
      for (const count of [1, 4]) {
        const takers = Array.from({ length: count }, () => ({ ...replay, answersIn: [2, 8, 30, 4] }));
        const sent = simulate({ forMs: 10_000, budgets: steady(rate), takers });
        expect(sent.length, `${count} at ${rate}/s`).toBeGreaterThanOrEqual(rate * 10 * 0.95);
      }
    }
  });

  it('is used up though Postgres answers slowly', () => {
    const takers = [replay, replay].map((taker) => ({ ...taker, answersIn: [250, 120, 200] }));
    const sent = simulate({ forMs: 10_000, budgets: steady(200), takers });
    expect(sent.length).toBeGreaterThanOrEqual(200 * 10 * 0.95);
    expect(most(times(sent))).toBeLessThanOrEqual(220);
  });

  it('is shared by those who take of it', () => {
    const sent = simulate({ forMs: 20_000, budgets: steady(200), takers: [replay, replay, replay, replay] });
    for (const taker of [0, 1, 2, 3])
      expect(sent.filter((one) => one.taker === taker).length).toBeGreaterThan(4_000 / 16);
  });

  it('follows a change of its rate within a moment, up and down', () => {
    const rates = [200, 50, 1_000, 0.05, 200];
    const budgets = rates.map((eventsPerSecond, index) => ({
      at: index * 3_000,
      budget: { eventsPerSecond },
    }));
    const takers = [replay, { ...replay, answersIn: [20, 5] }, { ...replay, diesAt: 4_000 }];
    const sent = times(simulate({ forMs: 15_000, budgets, takers }));
    rates.forEach((rate, index) => {
      const settled = sent.filter((at) => at >= index * 3_000 + 500 && at < (index + 1) * 3_000);
      expect(most(settled), `at ${rate}`).toBeLessThanOrEqual(Math.max(1, rate * 1.1));
      if (rate > 1) expect(settled.length, `at ${rate}`).toBeGreaterThanOrEqual(rate * 2.5 * 0.9);
    });
  });

  it('limits requests where those are set, and lets them be full', () => {
    const takers = [0, 1].map(() => ({ ...replay, batchSize: 50 }));
    const budgets = [{ at: 0, budget: { requestsPerSecond: 10 } }];
    const sent = simulate({ forMs: 10_000, budgets, takers });
    const requests = [...new Map(sent.map((one) => [one.request, one.at])).values()];
    expect(most(requests)).toBeLessThanOrEqual(11);
    expect(requests.length).toBeGreaterThanOrEqual(95);
    expect(sent.length).toBe(requests.length * 50);
  });

  it("puts no more than a tenth of a second's events into a request, and always one", () => {
    for (const [rate, batch] of [
      [1_000, 100],
      [100, 10],
      [19, 1],
      [0.1, 1],
    ] as const) {
      const grant = takeBlock(
        { kind: 'replay', events: 500, batchSize: 500, answersInMs: 0 },
        { account: { budget: { eventsPerSecond: rate }, books: freshBooks }, pace: null },
        1e9,
      );
      expect(grant).toMatchObject({ kind: 'block', block: { batch } });
    }
  });

  it('lets a replay keep a pace of its own inside of it', () => {
    const paces = [{ at: 0, pace: 50 }];
    for (const budget of [{ eventsPerSecond: 200 }, { requestsPerSecond: 80 }]) {
      const sent = simulate({
        forMs: 10_000,
        budgets: [{ at: 0, budget }],
        paces,
        takers: [replay, replay, replay],
      });
      expect(most(times(sent))).toBeLessThanOrEqual(55);
      expect(sent.length).toBeGreaterThanOrEqual(475);
    }
  });

  it('a replay far slower than the account bears loses no turn to timers that fire late', () => {
    for (const rate of [100, 1_000, 20_000]) {
      const takers = [{ ...replay, late: [0, 2, 20], answersIn: [1, 15] }];
      const sent = simulate({ forMs: 5_000, budgets: steady(rate), takers, paces: [{ at: 0, pace: 20 }] });
      expect(most(times(sent))).toBeLessThanOrEqual(22);
      expect(sent.length, `${rate}/s`).toBeGreaterThanOrEqual(20 * 5 * 0.9);
    }
  });

  it('a pace alone is kept as well', () => {
    const paces = [{ at: 0, pace: 100 }];
    const sent = simulate({
      forMs: 10_000,
      budgets: [],
      paces,
      takers: [replay, { ...replay, diesAt: 5_000 }],
    });
    expect(most(times(sent))).toBeLessThanOrEqual(110);
    expect(sent.length).toBeGreaterThanOrEqual(930);
  });
});

describe('the stream and its replay', () => {
  const forMs = 20_000;
  const shared = (own: Taker, more: Partial<Scenario> = {}) => {
    const sent = simulate({ forMs, budgets: steady(100), takers: [own, replay, replay], ...more });
    return {
      live: sent.filter(({ taker }) => taker === 0),
      resent: sent.filter(({ taker }) => taker !== 0),
      sent,
    };
  };

  it('the stream waits no longer than a moment while the replay runs flat out', () => {
    for (const gap of [1_000, 100, 30, 15]) {
      const { live, sent } = shared({ ...stream, arrivals: every(gap, forMs) });
      expect(Math.max(...live.map(({ waited }) => waited)), `${gap} ms apart`).toBeLessThanOrEqual(300);
      expect(live.length).toBeGreaterThanOrEqual(forMs / gap - 300 / gap - 1);
      expect(sent.length).toBeGreaterThanOrEqual(100 * 20 * 0.95);
    }
  });

  it('what comes in now and then leaves as soon as the account has answered, however fast it is', () => {
    for (const rate of [100, 1_000, 5_000]) {
      for (const answer of [1, 5, 15]) {
        const own = { ...stream, arrivals: every(100, 5_000), answersIn: [answer] };
        const live = simulate({ forMs: 6_000, budgets: steady(rate), takers: [own] });
        expect(live.length).toBe(50);
        expect(Math.max(...live.map(({ waited }) => waited)), `${rate}/s`).toBeLessThanOrEqual(answer + 10);
      }
    }
  });

  it('the stream gets its share first, and the replay what it leaves and never nothing', () => {
    const { live, resent } = shared(stream);
    expect(live.length).toBeGreaterThanOrEqual(100 * 20 * 0.75);
    expect(resent.length).toBeGreaterThanOrEqual(100 * 20 * 0.15);
  });

  it('nothing is held back for a stream that has nothing to send', () => {
    const { resent } = shared({ ...stream, arrivals: [5_000] });
    expect(resent.length).toBeGreaterThanOrEqual(100 * 20 * 0.95);
  });
});

describe('an account that says 429', () => {
  it('gets nothing while it is closed, and less than before when it opens', () => {
    const throttles = [{ at: 5_000, forMs: 2_000 }];
    const takers = [stream, replay, { ...replay, answersIn: [40, 2] }];
    const sent = times(simulate({ forMs: 12_000, budgets: steady(100), takers, throttles }));
    expect(sent.filter((at) => at >= 5_000 && at < 7_000)).toEqual([]);
    const after = sent.filter((at) => at >= 7_000 && at < 8_000).length;
    expect(after).toBeLessThanOrEqual(75);
    expect(after).toBeGreaterThanOrEqual(55);
    expect(sent.filter((at) => at >= 11_000).length).toBeGreaterThan(after);
  });

  const now = 1e9;
  const heard = { forMs: 1_000, acceptedPerSecond: 80 };

  it('lowers the rate once for all the answers of one burst, and the longest Retry-After counts', () => {
    let books = closeAccount(freshBooks, {}, heard, now);
    const { learnt } = books;
    for (let answer = 1; answer <= 15; answer++)
      books = closeAccount(books, {}, { ...heard, forMs: 900 }, now + answer * 10);
    expect(books.learnt!.requestsPerSecond).toBe(learnt!.requestsPerSecond);
    expect(closedForMs(books, now)).toBe(1_000 + 50);
    const none = { ...heard, forMs: 0 };
    books = closeAccount(freshBooks, {}, none, now);
    for (let answer = 1; answer <= 15; answer++) books = closeAccount(books, {}, none, now + answer);
    expect(learntNow(books.learnt!, now)).toBeCloseTo(56);
  });

  it('lowers it again when it goes on, never to nothing, and lets it grow back slowly', () => {
    let books = closeAccount(freshBooks, {}, heard, now);
    const first = learntNow(books.learnt!, now)!;
    expect(first).toBeLessThan(80);
    expect(first).toBeGreaterThan(40);
    const later = now + 2_500;
    books = closeAccount(books, {}, heard, later);
    expect(learntNow(books.learnt!, later)!).toBeLessThan(first);
    for (let answer = 0; answer < 100; answer++)
      books = closeAccount(books, {}, heard, later + answer * 3_000);
    const least = learntNow(books.learnt!, later + 300_000)!;
    expect(least).toBeGreaterThan(0.1);
    const minute = learntNow(books.learnt!, later + 310_000)!;
    expect(minute / least).toBeGreaterThan(1.1);
    expect(minute / least).toBeLessThan(1.5);
  });

  it('without a limit that was set it is forgotten once twice the rate goes well', () => {
    const books = closeAccount(freshBooks, {}, heard, now);
    expect(keepsRate({}, books.learnt, now + 20_000)).toBe(true);
    expect(keepsRate({}, books.learnt, now + 120_000)).toBe(false);
    expect(keepsRate({ eventsPerSecond: 5 }, books.learnt, now + 120_000)).toBe(true);
  });

  it('a Retry-After of an hour is obeyed, and a time that no answer can have meant is not', () => {
    const books = closeAccount(freshBooks, {}, { ...heard, forMs: 3_600_000 }, now);
    expect(closedForMs(books, now)).toBe(3_600_000);
    expect(closedForMs(books, now - 24 * 3_600_000)).toBe(0); // the clock was set back by a day
  });
});

it('a time too far ahead is reset, and time that nobody took is lost', () => {
  const now = 1e9;
  const take = (nextAt: number) =>
    takeBlock(
      { kind: 'replay', events: 1, batchSize: 1, answersInMs: 0 },
      { account: { budget: { eventsPerSecond: 10 }, books: { ...freshBooks, nextAt } }, pace: null },
      now,
    );
  for (const nextAt of [now - 3_600_000, now + 3_600_000])
    expect(take(nextAt)).toMatchObject({ kind: 'block', block: { from: now } });
  expect(take(now + 300)).toMatchObject({ kind: 'later' });
});

it('a block begins when its taker can know of it', () => {
  const ask = { kind: 'replay', events: 1, batchSize: 1, answersInMs: 40 } as const;
  const grant = takeBlock(ask, { account: null, pace: { eventsPerSecond: 5_000, nextAt: 0 } }, 1_000_000);
  expect(grant).toMatchObject({ kind: 'block', block: { from: 1_000_040 } });
});
