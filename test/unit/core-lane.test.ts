import { describe, expect, it } from 'vitest';
import { hasBit } from '../../src/core/coverage.ts';
import type { LaneCommit } from '../../src/core/lane-types.ts';
import {
  changes,
  delivered,
  failed,
  failUntilAside,
  failureOf,
  gone,
  notSent,
  positionsOf,
  invalid,
  laneOf,
  offered,
  read,
  refused,
  send,
  takeAll,
} from '../support/lanes.ts';

function bitsOf(commit: LaneCommit, actionId: string, positions: readonly number[]): number[] {
  const parts = commit.bits.filter((part) => part.actionId === actionId);
  return positions.filter((position) => parts.some(({ bits }) => hasBit(bits, position)));
}

describe('the mark', () => {
  it('moves over the settled front only, and to the end of what was read when nothing is open', () => {
    const lane = laneOf();
    lane.offer([offered(3, 'u'), offered(7, 'v')], 20);
    const [first, second] = takeAll(lane);
    expect(lane.takeCommit().mark).toBe(2);
    lane.settle(second!, delivered, 1);
    const early = lane.takeCommit();
    expect(early).toMatchObject({ mark: 2, counts: { events: {} } });
    expect(bitsOf(early, 'a', [3, 7])).toEqual([7]);
    lane.settle(first!, delivered, 2);
    const late = lane.takeCommit();
    expect(late).toMatchObject({
      mark: 20,
      counts: { events: { delivered: 2 } },
      markReceivedAt: new Date(7),
    });
    expect(bitsOf(late, 'a', [3, 7])).toEqual([3]);
    lane.offer([], 55);
    expect(lane.takeCommit().mark).toBe(55);
  });

  it('counts what was decided without the destination, and sets the bits that another run earned', () => {
    const lane = laneOf();
    read(
      lane,
      offered(1, 'u', {
        deliver: [],
        settled: [{ actionId: 'a', bucket: 'filtered' }],
        reason: 'trigger',
      }),
      offered(2, 'u', {
        deliver: [],
        settled: [{ actionId: 'a', bucket: 'alreadyDelivered' }],
        have: ['a'],
      }),
    );
    const commit = lane.takeCommit();
    expect(commit.counts).toEqual({
      events: { filtered: 1, alreadyDelivered: 1 },
      byAction: { a: { filtered: 1, alreadyDelivered: 1 } },
      reasons: { trigger: 1 },
    });
    expect(bitsOf(commit, 'a', [1, 2])).toEqual([2]);
    expect(lane.next(0)).toEqual([]);
  });

  it('is committed with each thing once', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'));
    send(lane, delivered, 0);
    lane.takeCommit();
    const again = lane.takeCommit();
    expect(again.bits).toEqual([]);
    expect(changes(again)).toMatchObject({
      mark: 1,
      events: { delivered: 1 },
      waiting: [],
      ended: [],
      dead: [],
    });
  });
});

describe('what an outcome means', () => {
  it('sets a bit for delivered and unconfirmable, for nothing else', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'), offered(3, 'w'), offered(4, 'x'));
    const [one, two, three, four] = takeAll(lane);
    lane.settle(four!, refused, 0);
    lane.settle(one!, delivered, 0);
    lane.settle(two!, { kind: 'unconfirmable' }, 0);
    lane.settle(three!, invalid, 0);
    const commit = lane.takeCommit();
    expect(bitsOf(commit, 'a', [1, 2, 3, 4])).toEqual([1, 2]);
    expect(commit.counts.events).toEqual({ delivered: 1, unconfirmable: 1, invalid: 1, dead: 1 });
  });

  it('tries again at 0.2 s growing, five times, then sets aside for a quarter of a minute at most', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'));
    const waits: number[] = [];
    let now = 1_000;
    for (let tries = 0; tries < 5; tries++) {
      expect(send(lane, failed, now)).toEqual([1]);
      const wakeAt = lane.wakeAt();
      if (wakeAt === null) break;
      expect(lane.next(wakeAt - 1)).toEqual([]);
      waits.push(wakeAt - now);
      now = wakeAt;
    }
    expect(waits).toHaveLength(4);
    expect(waits[0]).toBeGreaterThanOrEqual(160);
    expect(waits[0]).toBeLessThanOrEqual(240);
    expect(Math.max(...waits)).toBeLessThanOrEqual(10_000);
    expect(lane.open).toBe(0);
    const [row] = lane.takeCommit().waiting;
    expect(row).toMatchObject({
      position: 1,
      actionId: 'a',
      orderKey: 'u',
      attempts: 5,
      rounds: 1,
      rest: null,
    });
    expect(row!.ageMs).toBe(now - 1_000);
    expect(row!.dueInMs).toBeGreaterThan(0);
    expect(row!.dueInMs).toBeLessThanOrEqual(15_000);
  });

  it('sets aside sooner when each try takes long, so that a slice never ends before', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'));
    let now = 0;
    let tries = 0;
    while (lane.open > 0 && tries < 5) {
      const [task] = lane.next(now);
      now += 30_000;
      lane.settle(task!, failed, now);
      tries++;
      now = lane.wakeAt() ?? now;
    }
    expect(tries).toBeLessThan(5);
    expect(now).toBeLessThan(110_000);
    expect(lane.takeCommit().waiting).toMatchObject([{ attempts: tries }]);
  });

  it('condemns a refused event with the next success, whoever has it', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'), offered(3, 'u'));
    const [first, second] = takeAll(lane);
    lane.settle(first!, refused, 10);
    expect(lane.next(10)).toEqual([]); // the user's next one waits for the judgement
    expect(lane.takeCommit()).toMatchObject({ mark: 0, dead: [] });
    lane.settle(second!, delivered, 60);
    expect(lane.takeCommit()).toMatchObject({
      mark: 2,
      counts: { events: { dead: 1, delivered: 1 } },
      dead: [{ position: 1, actionId: 'a', attempts: 1, ageMs: 50, failure: { errorClass: 'http_400' } }],
    });
    expect(positionsOf(lane.next(60))).toEqual([3]);
  });

  it('judges a few refused events when nothing more can come, not before', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'));
    send(lane, refused, 0);
    lane.judgeSuspects(0, 'bounded'); // another may still show who is at fault
    expect(lane.takeCommit().dead).toEqual([]);
    const [second] = lane.next(1);
    lane.judgeSuspects(1, 'bounded');
    expect(lane.takeCommit().dead).toEqual([]);
    lane.settle(second!, failed, 2);
    lane.judgeSuspects(2, 'bounded'); // it will be tried again
    expect(lane.takeCommit().dead).toEqual([]);
    send(lane, refused, lane.wakeAt()!);
    lane.judgeSuspects(10_000, 'bounded');
    expect(lane.takeCommit()).toMatchObject({ mark: 2, dead: [{ position: 1 }, { position: 2 }] });
  });

  it('gives nothing up that a streak of refusals took along, until one success and another refusal', () => {
    const lane = laneOf();
    read(lane, ...[1, 2, 3, 4, 5, 6].map((position) => offered(position, `u${position}`)));
    const tasks = takeAll(lane);
    for (const task of tasks.slice(0, 5)) lane.settle(task, refused, 0);
    expect(lane.health.down?.reason).toBe('destination_refuses');
    lane.settle(tasks[5]!, refused, 0);
    lane.judgeSuspects(0, 'bounded');
    expect(lane.takeCommit()).toMatchObject({ mark: 0, dead: [], waiting: [] });
    expect(lane.open).toBe(6);
    send(lane, delivered, lane.wakeAt()!);
    expect(lane.takeCommit().dead).toEqual([]);
    expect(takeAll(lane, 10_000)).toHaveLength(5);
  });

  it('stops for ever when the destination wants no more', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'));
    send(lane, gone, 0);
    expect(lane.gone).toBe(true);
    expect(lane.next(1_000_000)).toEqual([]);
    expect(lane.takeCommit()).toMatchObject({ mark: 0, dead: [], waiting: [] });
  });

  it('sends what was not sent again, in order and without counting a try', () => {
    const lane = laneOf({ batchSize: 3 });
    read(lane, offered(1, 'u'), offered(2, 'u'), offered(3, 'u'));
    expect(send(lane, notSent, 0)).toEqual([1, 2, 3]);
    const again = lane.next(0);
    expect(positionsOf(again)).toEqual([1, 2, 3]);
    expect(again.map((task) => task.attempts)).toEqual([0, 0, 0]);
  });
});

it('names the failure of the last try in what it writes', () => {
  const lane = laneOf();
  read(lane, offered(1, 'u'));
  failUntilAside(lane, 0, { kind: 'failed', failure: failureOf('timeout') });
  expect(lane.takeCommit().waiting[0]!.failure).toEqual(failureOf('timeout'));
});
