import { describe, expect, it } from 'vitest';
import {
  changes,
  delivered,
  failed,
  laneOf,
  offered,
  positionsOf,
  read,
  refused,
  takeAll,
} from '../support/lanes.ts';

describe('order', () => {
  it('keeps one user in order and lets users run side by side', () => {
    const lane = laneOf();
    read(lane, offered(1, 'u'), offered(2, 'u'), offered(3, 'v'));
    const tasks = takeAll(lane);
    expect(positionsOf(tasks)).toEqual([1, 3]);
    lane.settle(tasks[1]!, delivered, 0);
    expect(lane.next(0)).toEqual([]);
    lane.settle(tasks[0]!, delivered, 0);
    expect(positionsOf(lane.next(0))).toEqual([2]);
  });

  it('lets a user follow himself within one request, not in a second one', () => {
    const lane = laneOf({ batchSize: 2 });
    read(lane, offered(1, 'u'), offered(2, 'u'), offered(3, 'u'));
    const batch = lane.next(0);
    expect(positionsOf(batch)).toEqual([1, 2]);
    expect(lane.next(0)).toEqual([]);
    lane.settle(batch[0]!, failed, 0);
    lane.settle(batch[1]!, delivered, 0);
    expect(lane.next(0)).toEqual([]);
    expect(positionsOf(lane.next(lane.wakeAt()!))).toEqual([1, 3]);
  });

  it('waits for every action of the event before', () => {
    const lane = laneOf({ actions: ['a', 'b'] });
    read(lane, offered(1, 'u', { deliver: ['a', 'b'] }), offered(2, 'u', { deliver: ['a'] }));
    const [one, two] = takeAll(lane);
    expect([one!.actionId, two!.actionId]).toEqual(['a', 'b']);
    lane.settle(one!, delivered, 0);
    expect(lane.next(0)).toEqual([]);
    lane.settle(two!, delivered, 0);
    expect(positionsOf(lane.next(0))).toEqual([2]);
  });

  it('is one line when strict and none when not asked for', () => {
    const strict = laneOf({ orderBy: 'strict' });
    read(strict, offered(1, 'u'), offered(2, 'v'));
    expect(positionsOf(takeAll(strict))).toEqual([1]);
    const loose = laneOf({ orderBy: 'none' });
    read(loose, offered(1, 'u'), offered(2, 'u'));
    expect(positionsOf(takeAll(loose))).toEqual([1, 2]);
  });

  it('never mixes actions in one request', () => {
    const lane = laneOf({ actions: ['a', 'b'], batchSize: 10 });
    read(lane, offered(1, 'u', { deliver: ['a', 'b'] }), offered(2, 'v', { deliver: ['b'] }));
    for (let batch = lane.next(0); batch.length > 0; batch = lane.next(0)) {
      expect(new Set(batch.map((task) => task.actionId)).size).toBe(1);
    }
  });

  it('carries no more than the caller allows', () => {
    const lane = laneOf({ batchSize: 10 });
    read(lane, ...[1, 2, 3, 4].map((position) => offered(position, `u${position}`)));
    expect(lane.next(0, 3)).toHaveLength(3);
  });
});

it('what failed behind one that is given up on by the same request goes again in order', () => {
  const lane = laneOf({ batchSize: 4 });
  read(lane, ...[1, 2, 3, 4].map((position) => offered(position, 'u')));
  // The success of the third shows that the first is at fault; the second has come back by then, the fourth has not.
  const outcomes = [refused, failed, delivered, failed];
  lane.settleRequest(lane.next(0), outcomes, 0);
  expect(changes(lane.takeCommit()).dead).toEqual(['1/a']);
  const now = lane.wakeAt() ?? 0;
  const again = lane.next(now);
  expect(positionsOf(again)).toEqual([2]);
  lane.settleRequest(again, [delivered], now);
  expect(positionsOf(lane.next(now))).toEqual([4]); // it was named while an older one was open: it goes alone
});
