import { describe, expect, it } from 'vitest';
import { stillDown } from '../../src/core/health.ts';
import {
  changes,
  delivered,
  failed,
  failureOf,
  invalid,
  laneOf,
  notSent,
  offered,
  positionsOf,
  read,
  refused,
  send,
  takeAll,
  throttled,
  unreachable,
} from '../support/lanes.ts';

describe('a destination that is down', () => {
  it('is probed one at a time, with other events in turn, after waits that grow', () => {
    let turn = 0;
    const lane = laneOf({ batchSize: 3, random: () => [0.1, 0.4, 0.8][turn++ % 3]! });
    read(lane, offered(1, 'u'), offered(2, 'v'), offered(3, 'w'));
    for (const task of takeAll(lane)) lane.settle(task, unreachable, 0);
    const probed = new Set<number>();
    const waits: number[] = [];
    let now = 0;
    for (let probes = 0; probes < 12; probes++) {
      const at = lane.wakeAt()!;
      waits.push(at - now);
      now = at;
      expect(lane.next(now - 1)).toEqual([]);
      const probe = lane.next(now);
      expect(probe).toHaveLength(1);
      expect(lane.next(now)).toEqual([]);
      probed.add(probe[0]!.entry.position);
      lane.settle(probe[0]!, unreachable, now);
    }
    expect(probed).toEqual(new Set([1, 2, 3]));
    expect(waits[0]).toBeGreaterThanOrEqual(400);
    expect(waits[0]).toBeLessThanOrEqual(600);
    expect(Math.max(...waits)).toBeLessThanOrEqual(4_800);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(3_200);
    expect(lane.takeCommit()).toMatchObject({ mark: 0, waiting: [], dead: [] });
  });

  it('goes on at full speed with the first success', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'), offered(3, 'w'));
    for (const task of takeAll(lane)) lane.settle(task, unreachable, 0);
    send(lane, delivered, lane.wakeAt()!);
    expect(takeAll(lane, 1_000)).toHaveLength(2);
  });

  it('is not probed beside what is still in flight', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'));
    const [first, second] = takeAll(lane);
    lane.settle(first!, unreachable, 0);
    expect(lane.next(5_000)).toEqual([]);
    lane.settle(second!, unreachable, 5_000);
    expect(lane.next(5_000)).toHaveLength(1);
  });

  it('calls back what waited for its next try, and forgets how often it was tried', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'));
    const [first, second] = takeAll(lane);
    lane.settle(first!, failed, 0);
    lane.settle(second!, unreachable, 0);
    expect(lane.wakeAt()).toBe(lane.health.down!.probeAt);
    const now = lane.wakeAt()!;
    send(lane, delivered, now);
    for (let tries = 0, at = now; tries < 4; tries++, at = lane.wakeAt()!) {
      expect(lane.open).toBe(1);
      send(lane, failed, at);
    }
    expect(lane.takeCommit().waiting).toEqual([]);
  });

  it.each([
    ['not sent', notSent],
    ['malformed', invalid],
  ])('is probed again when the probe was %s', (_, outcome) => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'));
    for (const task of takeAll(lane)) lane.settle(task, unreachable, 0);
    const now = lane.wakeAt()!;
    send(lane, outcome, now);
    expect(send(lane, delivered, now)).toHaveLength(1);
    expect(lane.health.down).toBeNull();
  });

  // Slices that each begin with the oldest event would probe nothing else, and one that is refused would hold the lane.
  it('is first probed with any event that may leave, and again with any when the probe was not sent', () => {
    const down = { reason: 'destination_down', waitMs: 30_000 } as const;
    const probed = [0, 0.34, 0.67].map((place) => {
      let random = place;
      const health = stillDown(down, failureOf('connection_refused'), 0);
      const lane = laneOf({ random: () => random }, health);
      read(lane, offered(1, 'u'), offered(2, 'v'), offered(3, 'w'));
      const [first] = lane.next(1_000);
      lane.settle(first!, invalid, 1_000);
      random = 0.99;
      return [first!.entry.position, positionsOf(lane.next(1_000))[0]];
    });
    expect(probed).toEqual([
      [1, 3],
      [2, 3],
      [3, 2],
    ]);
  });

  it('gets nothing before its Retry-After is over, even when an older request succeeds meanwhile', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'), offered(3, 'w'));
    const [first, second] = [lane.next(0)[0]!, lane.next(0)[0]!];
    lane.settle(first, throttled(30_000), 100);
    lane.settle(second, delivered, 200);
    expect(lane.next(30_099)).toEqual([]);
    expect(lane.wakeAt()).toBe(30_100);
    expect(send(lane, delivered, 30_100)).toHaveLength(1);
    expect(takeAll(lane, 30_100)).toHaveLength(1);
  });

  it('is not held for ever by one refused event when the outage was of another kind', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'));
    send(lane, unreachable, 0);
    for (let probes = 0; probes < 20 && lane.health.down !== null; probes++)
      send(lane, refused, lane.wakeAt()!);
    expect(lane.health.down).toBeNull();
    lane.judgeSuspects(1_000_000, 'bounded');
    expect(lane.takeCommit().dead).toMatchObject([{ position: 1 }]);
  });

  it('is not held for ever by a few events that fail: these wait, each for its own time', () => {
    const lane = laneOf();
    read(lane, ...[1, 2, 3, 4].map((position) => offered(position, `u${position}`)));
    for (const task of takeAll(lane)) lane.settle(task, unreachable, 0);
    let now = 0;
    for (let tries = 0; tries < 60 && lane.open > 0; tries++)
      send(lane, failed, (now = lane.wakeAt() ?? now));
    expect(lane.health.down).toBeNull();
    expect(changes(lane.takeCommit())).toMatchObject({ dead: [], waiting: ['1/a', '2/a', '3/a', '4/a'] });
    expect(now).toBeGreaterThan(60_000);
  });

  it('is held by five, however often they fail', () => {
    const lane = laneOf();
    read(lane, ...[1, 2, 3, 4, 5].map((position) => offered(position, `u${position}`)));
    for (const task of takeAll(lane)) lane.settle(task, unreachable, 0);
    for (let tries = 0; tries < 60; tries++) expect(send(lane, failed, lane.wakeAt()!)).toHaveLength(1);
    expect(lane.takeCommit()).toMatchObject({ mark: 0, waiting: [], dead: [] });
  });

  it('counts the users, not the order keys, of a streak', () => {
    const strict = laneOf({ orderBy: 'strict' });
    read(strict, ...[1, 2, 3, 4, 5].map((position) => offered(position, position === 1 ? 'u' : 'v')));
    for (let now = 0; now < 5; now++) {
      send(strict, refused, now);
      if (now < 4) strict.judgeSuspects(now, 'bounded');
    }
    expect(strict.health.down?.reason).toBe('destination_refuses');

    const unordered = laneOf({ orderBy: 'none' });
    read(unordered, ...[1, 2, 3, 4, 5, 6].map((position) => offered(position, 'u')));
    for (const task of takeAll(unordered)) unordered.settle(task, failed, 0);
    expect(unordered.health.down).toBeNull();
  });
});
