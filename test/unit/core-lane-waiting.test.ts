import { describe, expect, it } from 'vitest';
import {
  changes,
  delivered,
  due,
  failed,
  failUntilAside,
  invalid,
  laneOf,
  notSent,
  offered,
  positionsOf,
  read,
  refused,
  send,
  takeAll,
  unreachable,
} from '../support/lanes.ts';

describe('waiting', () => {
  it('makes rows of the events that stand behind one that is set aside', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'u'), offered(3, 'v'));
    const [first, other] = takeAll(lane);
    lane.settle(other!, delivered, 0);
    lane.settle(first!, failed, 0);
    for (let tries = 1; tries < 5; tries++) send(lane, failed, lane.wakeAt()!);
    read(lane, offered(4, 'u'), offered(5, 'v'));
    const commit = lane.takeCommit();
    expect(changes(commit)).toEqual({
      mark: 4,
      events: { waiting: 3, delivered: 1 },
      waiting: ['1/a', '2/a behind', '4/a behind'],
      ended: [],
      dead: [],
      promote: [],
    });
    expect(positionsOf(takeAll(lane, 100_000))).toEqual([5]);
    expect(lane.hasWaiting).toBe(true);
  });

  it('makes what shared the request of one set aside stand behind it, with its age', () => {
    const lane = laneOf({ batchSize: 3 });
    read(lane, offered(1, 'u'), offered(2, 'u'), offered(3, 'u'));
    const now = failUntilAside(lane);
    expect(lane.next(now + 60_000)).toEqual([]);
    const { waiting } = lane.takeCommit();
    expect(waiting.map((row) => [row.position, row.dueInMs === null])).toEqual([
      [1, false],
      [2, true],
      [3, true],
    ]);
    for (const row of waiting) expect(row.ageMs).toBeGreaterThan(10_000);
  });

  it.each([
    ['refused', refused],
    ['not sent', notSent],
    ['stopped by an outage', unreachable],
  ])('does so at once when that was %s, so that no later one comes between', (_, outcome) => {
    const lane = laneOf({ batchSize: 3 });
    read(lane, offered(1, 'u'), offered(2, 'u'), offered(3, 'u'));
    let now = 0;
    for (let tries = 1; tries < 5; tries++, now = lane.wakeAt()!) send(lane, failed, now);
    const [first, ...others] = lane.next(now);
    lane.settle(first!, failed, now);
    for (const task of others) lane.settle(task, outcome, now);
    read(lane, offered(4, 'u'));
    expect(changes(lane.takeCommit()).waiting).toEqual(['1/a', '2/a behind', '3/a behind', '4/a behind']);
    expect(lane.open).toBe(0);
  });

  it('does the same with those that were waiting before', () => {
    const lane = laneOf({
      mark: 3,
      batchSize: 3,
      waitingByKey: new Map([['u', 3]]),
      counts: waitingCounts(3),
    });
    const deliveries = [{ actionId: 'a', attempts: 0, rounds: 0, ageMs: null, errorClass: null }]; // what failed before goes alone
    lane.offerDue([due(1, 'u', { deliveries }), due(2, 'u', { deliveries }), due(3, 'u', { deliveries })], 0);
    const now = failUntilAside(lane);
    expect(lane.next(now + 60_000)).toEqual([]);
    expect(changes(lane.takeCommit()).waiting).toEqual(['1/a', '2/a behind', '3/a behind']);
    expect(lane.open).toBe(0);
    expect(lane.dueOpen).toBe(0);
  });

  it('remembers of those that were waiting before and shared a failed request that they failed', () => {
    const counts = waitingCounts(2);
    const lane = laneOf({ mark: 2, batchSize: 2, waitingByKey: new Map([['u', 2]]), counts });
    const deliveries = [{ actionId: 'a', attempts: 0, rounds: 0, ageMs: null, errorClass: null }];
    lane.offerDue([due(1, 'u', { deliveries }), due(2, 'u', { deliveries })], 0);
    const together = { ...failed, together: true } as const;
    lane.settleRequest(lane.next(0), [together, together], 0);
    failUntilAside(lane, lane.wakeAt()!);
    const rows = lane.takeCommit().waiting.map((row) => [row.position, row.attempts, row.dueInMs === null]);
    expect(rows).toEqual([
      [1, 6, false],
      [2, 1, true],
    ]);
    expect(lane.open + lane.dueOpen).toBe(0);
  });

  it('moves the counts of a waiting event when it ends, and lets the next row of its key have its turn', () => {
    const lane = laneOf({ mark: 9, waitingByKey: new Map([['u', 3]]), counts: waitingCounts(3) });
    lane.offerDue([due(1, 'u'), due(2, 'u')], 0);
    send(lane, delivered, 0);
    const commit = lane.takeCommit();
    expect(changes(commit)).toMatchObject({
      events: { waiting: 2, delivered: 1 },
      ended: ['1/a'],
      promote: ['u'], // at once: a crash now would leave a row without a time, which nobody takes up
    });
    expect(commit.counts.byAction).toEqual({ a: { waiting: 2, delivered: 1 } });
    send(lane, delivered, 1);
    expect(changes(lane.takeCommit())).toMatchObject({ ended: ['2/a'], promote: ['u'] });
  });

  it('writes down each delivery of an event when it ends, and tells the others', () => {
    const counts = waitingCounts(1, ['a', 'b']);
    const lane = laneOf({ mark: 9, actions: ['a', 'b'], waitingByKey: new Map([['u', 2]]), counts });
    const deliveries = ['a', 'b'].map((actionId) => ({
      actionId,
      attempts: 5,
      rounds: 1,
      ageMs: 20_000,
      errorClass: 'http_500',
    }));
    lane.offerDue([due(1, 'u', { deliveries })], 0);
    const [one, two] = takeAll(lane);
    lane.settle(one!, delivered, 0);
    const between = lane.takeCommit();
    expect(changes(between)).toMatchObject({ events: { waiting: 1 }, ended: ['1/a'], waiting: ['1/b'] });
    expect(between.waiting[0]).toMatchObject({ rest: 'delivered', rounds: 1 });
    expect(between.counts.byAction).toEqual({ a: { delivered: 1 }, b: { waiting: 1 } });
    lane.settle(two!, invalid, 1);
    const last = lane.takeCommit();
    expect(changes(last)).toMatchObject({ events: { delivered: 1 }, ended: ['1/b'], waiting: [] });
    expect(last.counts.byAction).toEqual({ a: { delivered: 1 }, b: { invalid: 1 } });
  });

  it('counts a waiting event above the mark where it has ended by then', () => {
    const lane = laneOf({ waitingByKey: new Map([['u', 1]]) });
    const waits = { deliver: [], settled: [{ actionId: 'a', bucket: 'waiting' }] } as const;
    read(lane, offered(1, 'v'), offered(2, 'u', waits));
    lane.offerDue([due(2, 'u')], 0);
    const [first, second] = takeAll(lane);
    lane.settle(second!, delivered, 0);
    expect(changes(lane.takeCommit())).toMatchObject({ mark: 0, events: {}, ended: ['2/a'] });
    lane.settle(first!, delivered, 0);
    expect(changes(lane.takeCommit())).toMatchObject({ mark: 2, events: { delivered: 2 } });
  });

  it('leaves due events alone that have not been read', () => {
    const lane = laneOf({ mark: 4, waitingByKey: new Map([['u', 1]]) });
    lane.offerDue([due(5, 'u')], 0);
    expect(lane.open).toBe(0);
    read(lane, offered(5, 'u', { deliver: [], settled: [{ actionId: 'a', bucket: 'waiting' }] }));
    lane.offerDue([due(5, 'u')], 0);
    expect(lane.open).toBe(1);
  });

  it('wants no more due rows before the end of the last ones is in a commit', () => {
    const lane = laneOf({ mark: 9, waitingByKey: new Map([['u', 1]]), counts: waitingCounts(1) });
    lane.offerDue([due(1, 'u')], 0);
    expect(lane.dueOpen).toBe(1);
    send(lane, delivered, 0);
    expect(lane.dueOpen).toBe(1); // its row is still there
    lane.takeCommit();
    expect(lane.dueOpen).toBe(0);
  });

  it('gives up after four hours of tries, not earlier', () => {
    const hours = (ageMs: number, rounds: number) => {
      const deliveries = [{ actionId: 'a', attempts: 70, rounds, ageMs, errorClass: 'http_500' }];
      const lane = laneOf({ mark: 9, waitingByKey: new Map([['u', 1]]), counts: waitingCounts(1) });
      lane.offerDue([due(1, 'u', { deliveries })], 0);
      failUntilAside(lane);
      return changes(lane.takeCommit());
    };
    const waits = { dead: [], waiting: ['1/a'], events: { waiting: 1 } };
    expect(hours(3.9 * 3_600_000, 14)).toMatchObject(waits);
    expect(hours(90 * 3_600_000, 3)).toMatchObject(waits); // as after a long pause
    expect(hours(4 * 3_600_000, 14)).toMatchObject({ dead: ['1/a'], waiting: [], events: { dead: 1 } });
  });

  it('gives up one that more than ten thousand stand behind', () => {
    const rows = (waiting: number) => {
      const waitingByKey = new Map([['u', waiting]]);
      const lane = laneOf({ mark: 99_999, waitingByKey, counts: waitingCounts(waiting) });
      lane.offerDue([due(1, 'u')], 0);
      failUntilAside(lane);
      return changes(lane.takeCommit()).dead;
    };
    expect(rows(10_000)).toEqual([]);
    expect(rows(10_001)).toEqual(['1/a']);
  });

  it('knows the age of a delivery whose event another one closes', () => {
    const lane = laneOf({ actions: ['a', 'b'] });
    read(lane, offered(1, 'u', { deliver: ['a', 'b'] }));
    const [one, two] = takeAll(lane, 1_000);
    lane.settle(one!, failed, 1_000);
    for (let tries = 1; tries < 5; tries++) send(lane, failed, lane.wakeAt()!);
    lane.settle(two!, delivered, 90_000);
    expect(lane.takeCommit().waiting).toMatchObject([{ actionId: 'a', ageMs: 89_000, rest: 'delivered' }]);
  });
});

describe('the window', () => {
  it('sets its oldest event aside when it is full and that one waits for its next try', () => {
    const lane = laneOf({ windowLimit: 3 });
    read(lane, offered(1, 'u'), offered(2, 'v'), offered(3, 'w'));
    expect(lane.wantsMore(100)).toBe(false);
    const [first, ...others] = takeAll(lane);
    lane.settle(first!, failed, 0);
    for (const task of others) lane.settle(task, delivered, 0);
    lane.next(1);
    expect(changes(lane.takeCommit())).toMatchObject({ mark: 3, waiting: ['1/a'] });
    expect(lane.wantsMore(100)).toBe(true);
  });

  it('asks for more below the limit of what is unsent', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'u'));
    expect(lane.wantsMore(3)).toBe(true);
    expect(lane.wantsMore(2)).toBe(false);
    lane.next(0);
    expect(lane.wantsMore(2)).toBe(true);
  });

  it('drops an event as soon as nothing of it is to be sent', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'v'));
    const [, second] = takeAll(lane);
    lane.settle(second!, delivered, 0);
    expect(second!.entry.event).toBeNull();
  });
});

function waitingCounts(events: number, actions: readonly string[] = ['a']) {
  const byAction = Object.fromEntries(actions.map((action) => [action, { waiting: events }]));
  return { events: { waiting: events }, byAction, reasons: {} };
}

it('when too many stand behind a waiting delivery it is tried at once, and dies unless it arrives', () => {
  const lane = laneOf({ mark: 10, waitingByKey: new Map([['a', 10_000]]) });
  read(lane, offered(11, 'b'));
  expect(lane.takeCommit().hurry).toEqual([]);
  read(lane, offered(12, 'a'));
  expect(lane.takeCommit().hurry).toEqual(['a']);
  read(lane, offered(13, 'a'));
  expect(lane.takeCommit().hurry).toEqual([]);

  const next = laneOf({ mark: 13, waitingByKey: new Map([['a', 10_002]]) });
  expect(next.takeCommit().hurry).toEqual(['a']);
});

it('in strict order a lane reads no further than it can hold behind one event', () => {
  const crowded = laneOf({ orderBy: 'strict', waitingByKey: new Map([['*', 10_001]]) });
  expect(crowded.wantsMore(1_000)).toBe(false);
  expect(laneOf({ orderBy: 'strict', waitingByKey: new Map([['*', 10_000]]) }).wantsMore(1_000)).toBe(true);
});

it('sends what has waited for its time before what was read meanwhile', () => {
  const lane = laneOf({ waitingByKey: new Map([['u', 1]]) });
  read(lane, offered(1, 'u', { deliver: [] }), offered(2, 'v'), offered(3, 'w'));
  lane.takeCommit();
  lane.offerDue([due(1, 'u')], 0);
  expect(positionsOf(takeAll(lane))).toEqual([1, 2, 3]);
});
