import { expect, test } from 'vitest';
import { noCounts } from '../../src/core/counts.ts';
import type { Offered } from '../../src/core/lane-types.ts';
import { laneOf } from '../support/lanes.ts';

const failure = { errorClass: 'http_500', message: 'no' };

function offered(position: number): Offered<string> {
  const orderKey = `u:${position}`;
  const event = `event ${position}`;
  const rest = { deliver: ['a'], settled: [], have: [], reason: null };
  return { position, receivedMs: position, orderKey, event, ...rest };
}

test('what is settled above the mark is counted apart, until the mark passes it', () => {
  const lane = laneOf();
  lane.offer([1, 2, 3].map(offered), 3);
  const [first, second, third] = [lane.next(0)[0]!, lane.next(0)[0]!, lane.next(0)[0]!];
  lane.settle(first, { kind: 'failed', failure }, 1);
  lane.settle(second, { kind: 'delivered' }, 1);
  lane.settle(third, { kind: 'invalid', failure }, 1);

  const held = lane.takeCommit();
  expect([held.mark, held.counts.events]).toEqual([0, {}]);
  expect(held.ahead).toEqual({
    events: { delivered: 1, invalid: 1 },
    byAction: { a: { delivered: 1, invalid: 1 } },
    reasons: {},
  });

  lane.settle(lane.next(10_000)[0]!, { kind: 'delivered' }, 10_001);
  const passed = lane.takeCommit();
  expect([passed.mark, passed.counts.events]).toEqual([3, { delivered: 2, invalid: 1 }]);
  expect(passed.ahead.events).toEqual({});
});

test('until what the last holder had read is read again, nothing is sent and he is believed', () => {
  const ahead = { events: { delivered: 2 }, byAction: { a: { delivered: 2 } }, reasons: {} };
  const last = { mark: 0, counts: noCounts, ahead, readTo: 3 };
  const lane = laneOf({ ...last, waitingByKey: new Map([['w', 1]]) });
  const done = (position: number) => ({
    ...offered(position),
    deliver: [],
    settled: [{ actionId: 'a', bucket: 'delivered' as const }],
  });
  lane.offer([offered(1), done(2)], 2);
  expect([lane.isBehind, lane.wantsMore(0), lane.next(0), lane.ready(0)]).toEqual([true, true, [], 0]);
  expect(lane.takeCommit()).toMatchObject(last);
  lane.offer([done(3)], 3);
  expect(lane.isBehind).toBe(false);
  expect(lane.mayTakeUp).toBe(false);
  expect(lane.takeCommit()).toMatchObject(last);
  lane.settle(lane.next(0)[0]!, { kind: 'delivered' }, 1);
  expect(lane.takeCommit()).toMatchObject({
    mark: 3,
    counts: { events: { delivered: 3 } },
    ahead: noCounts,
    readTo: 3,
  });
  expect(lane.mayTakeUp).toBe(true);
});
