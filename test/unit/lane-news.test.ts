import { expect, test } from 'vitest';
import { HealthNews, type LaneNews } from '../../src/activities/lane-news.ts';
import type { TakenLane } from '../../src/db/lane-lease.ts';

const destination = { id: 'd', type: 'webhook', settingsSealed: '' };
const lane = {
  destination,
  kind: 'stream',
  runId: 'r',
  lane: 0,
  state: 'ready',
  stateReason: null,
  holdMs: null,
};

/** What one holder after another tells of a lane. */
function heardOf(...holders: (readonly [reason: string | null, holdMs: number | null])[][]): string[] {
  const heard: string[] = [];
  const tell = ({ what, reason }: LaneNews) => heard.push(`${what} ${reason}`);
  let left: Partial<TakenLane> = {};
  for (const commits of holders) {
    const news = new HealthNews({ ...lane, ...left } as TakenLane, tell);
    for (const [reason, holdMs] of commits) {
      news.written({ reason, holdMs });
      left = { state: reason === null ? 'ready' : 'held', stateReason: reason, holdMs };
    }
  }
  return heard;
}

const down = 'destination_down: http_502';
const slow = 'throttled: http_429';

test('an outage is told once, and so is its end, whoever holds the lane', () => {
  const [begins, goes] = [[[down, 500]], [[down, 1_000]]] as const;
  expect(heardOf([[null, null], ...begins], [...goes], [...goes, [null, null], [null, null]])).toEqual([
    `destination_down ${down}`,
    `destination_up ${down}`,
  ]);
});

test('a destination that fails now in this way and now in that is told of once', () => {
  const other = 'destination_down: timeout';
  expect(
    heardOf(
      [
        [down, 500],
        [other, 1_000],
        [down, 2_000],
      ],
      [[other, 4_000]],
    ),
  ).toEqual([`destination_down ${down}`]);
});

test('that it is down in another way is told', () => {
  expect(
    heardOf([
      [down, 500],
      ['destination_refuses: http_404', 500],
    ]),
  ).toEqual([`destination_down ${down}`, 'destination_down destination_refuses: http_404']);
});

test('a destination that was down and asks for time is not up yet', () => {
  expect(
    heardOf([
      [down, 500],
      [slow, 500],
      [null, null],
    ]),
  ).toEqual([`destination_down ${down}`, `destination_up ${down}`]);
});

test('to be slowed down is no outage, unless it goes on', () => {
  const slowed = [slow, 500] as const;
  expect(
    heardOf(
      [slowed, [null, null], slowed, [slow, 8_000]],
      [
        [slow, 8_000],
        [null, null],
      ],
    ),
  ).toEqual([]);
  expect(
    heardOf(
      [slowed, [slow, 16_000]],
      [
        [slow, 30_000],
        [null, null],
      ],
    ),
  ).toEqual([`destination_down ${slow}`, `destination_up ${slow}`]);
});
