import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RunConnections } from '../../src/activities/run-connections.ts';
import {
  claimConnections,
  laneConnections,
  lanesOf,
  type ConnectionClaim,
  type ConnectionHolders,
} from '../../src/core/concurrency.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** An account's row, and those who claim of it: each sends as many requests as it may while it has some to send. */
class Account {
  /** null: any number. */
  most: number | null;
  holders: ConnectionHolders = {};
  flying = 0;
  mostFlying = 0;
  readonly processes: Process[] = [];
  readonly #random: () => number;

  constructor(most: number | null, random: () => number) {
    this.most = most;
    this.#random = random;
  }

  /** @param own how many it has at once where the account does not limit it */
  add(kind: 'stream' | 'replay', requestMs: number, own = 32): Process {
    const process = new Process(this, kind, requestMs, own);
    this.processes.push(process);
    return process;
  }

  change(most: number): void {
    this.most = most;
    for (const process of this.processes) process.obey(most);
  }

  async claim(claim: ConnectionClaim) {
    await this.#pass();
    const grant = claimConnections(this.holders, claim, this.most!, performance.now());
    this.holders = grant.holders;
    if (grant.tell) for (const process of this.processes) void this.#pass().then(() => process.told());
    await this.#pass();
    return grant;
  }

  /** A message takes a while. */
  #pass(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.#random() * 30));
  }
}

class Process {
  backlog = 0;
  sent = 0;
  waits: number[] = [];
  dead = false;
  readonly #came: number[] = [];
  readonly #account: Account;
  readonly #requestMs: number;
  readonly #own: number;
  readonly #connections: RunConnections;
  #flying = 0;

  constructor(account: Account, kind: 'stream' | 'replay', requestMs: number, own: number) {
    this.#account = account;
    this.#requestMs = requestMs;
    this.#own = own;
    this.#connections = new RunConnections({
      kind,
      now: () => performance.now(),
      claim: (claim) => (this.dead ? new Promise(() => undefined) : account.claim(claim)),
      wants: () => Math.min(this.backlog, this.#own - this.#flying),
      onMore: () => this.pump(),
    });
    this.#connections.obey(account.most);
  }

  give(requests: number): void {
    this.backlog += requests;
    for (let request = 0; request < requests; request++) this.#came.push(performance.now());
    this.pump();
  }

  obey(most: number): void {
    this.#connections.obey(most);
  }

  told(): void {
    if (!this.dead) this.#connections.claim();
  }

  pump(): void {
    if (this.dead) return;
    while (this.backlog > 0 && this.#flying < this.#own && this.#connections.free(performance.now()) > 0) {
      this.backlog--;
      this.sent++;
      this.waits.push(performance.now() - this.#came.shift()!);
      this.#fly(1);
      this.#connections.start();
      setTimeout(() => {
        if (this.dead) return;
        this.#fly(-1);
        this.#connections.end();
        this.pump();
      }, this.#requestMs);
    }
    if (this.backlog > 0 && this.#flying < this.#own) this.#connections.claimMore();
  }

  /** Its requests end with it. */
  kill(): void {
    this.#fly(-this.#flying);
    this.dead = true;
  }

  #fly(requests: number): void {
    this.#flying += requests;
    this.#account.flying += requests;
    this.#account.mostFlying = Math.max(this.#account.mostFlying, this.#account.flying);
  }
}

test('an account never has more requests under way than it bears, whoever comes, goes and dies', async () => {
  const plan = fc.array(
    fc.record({
      kind: fc.constantFrom('stream' as const, 'replay' as const, 'replay' as const),
      requestMs: fc.integer({ min: 1, max: 300 }),
      gifts: fc.array(fc.record({ at: fc.nat(4_000), requests: fc.integer({ min: 1, max: 15 }) }), {
        maxLength: 60,
      }),
      diesAt: fc.option(fc.integer({ min: 100, max: 8_000 }), { nil: Infinity }),
    }),
    { minLength: 1, maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 12 }), plan, fc.integer(), async (most, plans, seed) => {
      let state = seed >>> 0;
      const random = () => (state = (state * 1_664_525 + 1_013_904_223) >>> 0) / 2 ** 32;
      const account = new Account(most, random);
      for (const { kind, requestMs, gifts, diesAt } of plans) {
        const process = account.add(kind, requestMs);
        for (const { at, requests } of gifts) setTimeout(() => process.give(requests), at);
        if (diesAt < Infinity) setTimeout(() => process.kill(), diesAt);
      }
      await vi.advanceTimersByTimeAsync(90_000);
      expect(account.mostFlying).toBeLessThanOrEqual(most);
      for (const process of account.processes) if (!process.dead) expect(process.backlog).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test('a stream soon gets what it needs of a replay that uses all, and the replay has the rest', async () => {
  const account = new Account(4, () => 0.1);
  const replays = [account.add('replay', 50), account.add('replay', 50)];
  for (const replay of replays) replay.give(2_000);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(account.flying).toBe(4);
  const stream = account.add('stream', 50);
  for (let event = 0; event < 20; event++) {
    stream.give(1);
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(Math.max(...stream.waits)).toBeLessThan(200);
  for (const replay of replays) expect(replay.sent).toBeGreaterThan(100);
  expect(account.mostFlying).toBe(4);
});

test('fewer than are under way are soon no more than that', async () => {
  const account = new Account(null, () => 0.1);
  for (const replay of [account.add('replay', 20, 8), account.add('replay', 20, 8)]) replay.give(10_000);
  await vi.advanceTimersByTimeAsync(500);
  expect(account.flying).toBe(16);
  for (const most of [8, 2, 5]) {
    account.change(most);
    await vi.advanceTimersByTimeAsync(500);
    account.mostFlying = 0;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(account.mostFlying).toBe(most);
  }
});

test('one request at a time is shared in turns, the stream first', async () => {
  const account = new Account(1, () => 0.1);
  const replay = account.add('replay', 20);
  replay.give(5_000);
  await vi.advanceTimersByTimeAsync(1_000);
  const stream = account.add('stream', 20);
  for (let event = 0; event < 10; event++) {
    stream.give(1);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(stream.sent).toBe(10);
  expect(Math.max(...stream.waits)).toBeLessThan(200);
  expect(replay.sent).toBeGreaterThan(300);
  expect(account.mostFlying).toBe(1);
});

test('a stream with much to send leaves a replay one of several', async () => {
  const account = new Account(4, () => 0.1);
  const stream = account.add('stream', 50);
  const replay = account.add('replay', 50);
  stream.give(10_000);
  replay.give(10_000);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(replay.sent).toBeGreaterThan(150);
  expect(stream.sent).toBeGreaterThan(replay.sent * 2.5);
});

test('with fewer requests than processes each has its turn', async () => {
  const account = new Account(2, () => 0.1);
  const replays = Array.from({ length: 5 }, (_, index) => account.add('replay', 20, index === 0 ? 8 : 1));
  for (const replay of replays) replay.give(10_000);
  await vi.advanceTimersByTimeAsync(60_000);
  const sent = replays.map((replay) => replay.sent);
  expect(Math.min(...sent)).toBeGreaterThan(Math.max(...sent) / 2);
  expect(sent.reduce((sum, one) => sum + one)).toBeGreaterThan(0.8 * 2 * 50 * 60);
  expect(account.mostFlying).toBe(2);
});

test('whoever wants some gets one before long, in whatever order they claim', () => {
  const plan = fc.record({
    most: fc.integer({ min: 1, max: 5 }),
    wants: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 8 }),
    // How long a request lasts, in rounds of claims.
    lasts: fc.infiniteStream(fc.integer({ min: 1, max: 3 })),
    order: fc.infiniteStream(fc.nat()),
  });
  fc.assert(
    fc.property(plan, ({ most, wants, lasts, order }) => {
      let holders: ConnectionHolders = {};
      const ends = wants.map((): number[] => []);
      const waits = wants.map(() => 0);
      for (let round = 0; round < 60; round++) {
        const turns = wants.map((_, index) => ({ index, at: order.next().value! }));
        for (const { index } of turns.toSorted((a, b) => a.at - b.at)) {
          const under = ends[index]!.filter((end) => end > round);
          const claim = {
            id: `h${index}`,
            kind: 'replay',
            wants: wants[index]!,
            uses: under.length,
          } as const;
          const grant = claimConnections(holders, claim, most, round * 250);
          holders = grant.holders;
          while (under.length < grant.holds) under.push(round + lasts.next().value!);
          ends[index] = under;
          waits[index] = under.length > 0 ? 0 : waits[index]! + 1;
          // Each of those before him keeps one for two rounds, may have a request of three under way, and gives it back.
          expect(waits[index]).toBeLessThanOrEqual(6 * wants.length);
          const used = ends.flat().filter((end) => end > round).length;
          expect(used).toBeLessThanOrEqual(most);
        }
      }
    }),
  );
});

test('what is enough for all stays where it is', () => {
  let holders: ConnectionHolders = {};
  const seen = new Set<string>();
  for (let now = 0; now < 20_000; now += 70) {
    for (const id of ['one', 'other'])
      ({ holders } = claimConnections(holders, { id, kind: 'replay', wants: 8, uses: 0 }, 5, now));
    if (now > 1_000) seen.add(`${holders['one']!.holds} and ${holders['other']!.holds}`);
  }
  expect([...seen]).toEqual(['2 and 3']);
});

test('what a replay may have at once is shared out over its lanes, all of it and no more', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.nat(1_000), (lanes, more) => {
      const parts = Array.from({ length: lanes }, (_, lane) => laneConnections(lanes + more, lane, lanes));
      expect(parts.reduce((sum, part) => sum + part)).toBe(lanes + more);
      expect(Math.min(...parts)).toBeGreaterThanOrEqual(1);
    }),
  );
});

test('a replay has no more lanes than requests at once, and leaves one to the stream', () => {
  const asked = { asked: 8, pace: undefined, account: undefined, streams: true };
  expect(lanesOf(asked)).toBe(8);
  expect(lanesOf({ ...asked, pace: 3 })).toBe(3);
  expect(lanesOf({ ...asked, account: 5 })).toBe(4);
  expect(lanesOf({ ...asked, account: 5, streams: false })).toBe(5);
  expect(lanesOf({ ...asked, account: 1 })).toBe(1);
});
