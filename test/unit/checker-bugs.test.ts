import { describe, expect, test } from 'vitest';
import type { Verdict } from '../support/checker.ts';
import {
  at,
  again,
  change,
  changeCounts,
  cleanWorld,
  digest,
  fault,
  killed,
  namesOf,
  replayPolls,
  request,
  source,
  start,
  verdictOf,
  type World,
} from '../support/checker-world.ts';

/** What somebody may build wrong, done to a clean run, and the list that must name it. */
const bugs: readonly [name: string, list: keyof Verdict, break_: (world: World) => void][] = [
  ['an event is skipped', 'lost', (world) => world.lines.splice(30, 1)],
  ['the last page is skipped', 'lost', (world) => world.lines.splice(70, 20)],
  ['a refusal is taken for a success', 'lost', (world) => change(world, 30, { answer: 500 })],
  [
    'an answer that broke off is taken for a success',
    'lost',
    (world) => change(world, 30, { answer: 0, cut: 'in' }),
  ],
  ['a redirect is taken for a success', 'lost', (world) => change(world, 30, { answer: 302 })],
  [
    'one more is counted than was delivered',
    'falselyDone',
    (world) => changeCounts(world, 1, { delivered: 34, remaining: 26 }),
  ],
  [
    'a count is written before the send',
    'falselyDone',
    (world) => changeCounts(world, 0, { delivered: 60, remaining: 0 }),
  ],
  ['it is completed too early', 'falselyDone', (world) => changeCounts(world, 2, {}, 'completed')],
  [
    'it ends with one too few',
    'falselyDone',
    (world) => changeCounts(world, 4, { delivered: 59, remaining: 1 }),
  ],
  ['the counts do not add up', 'falselyDone', (world) => changeCounts(world, 2, { remaining: 0 })],
  [
    'more is selected than there is',
    'falselyDone',
    (world) => changeCounts(world, 2, { selected: 61, dead: 1 }),
  ],
  [
    'what was counted is forgotten',
    'falselyDone',
    (world) => changeCounts(world, 2, { delivered: 5, remaining: 55 }),
  ],
  [
    'the cursor passes what was not sent',
    'falselyDone',
    (world) => {
      const index = world.polls.findIndex(({ cursor }) => cursor !== undefined);
      world.polls[index] = { ...world.polls[index]!, cursor: 25 };
    },
  ],
  [
    'the cursor goes back',
    'falselyDone',
    (world) => {
      const index = world.polls.findLastIndex(({ cursor }) => cursor !== undefined);
      world.polls[index] = { ...world.polls[index]!, cursor: 3 };
    },
  ],
  ['an event is sent twice without a fault', 'unexplained', (world) => again(world, 80, 50)],
  [
    'an event that was long written down is sent again after a crash',
    'unexplained',
    (world) => {
      again(world, 0, 50);
    },
  ],
  [
    'what was written down just before a crash is sent again',
    'unexplained',
    (world) => (world.faults[0] = fault({ recorded: world.lines.map(({ messageId }) => String(messageId)) })),
  ],
  [
    'what a fault left in doubt is sent a third time',
    'unexplained',
    (world) => again(world, 40, 50) ?? again(world, 40, 60),
  ],
  [
    'a process that was told to end repeats what it had in flight',
    'unexplained',
    (world) => (world.faults[0] = fault({ kind: 'terminate' })),
  ],
  [
    'what is in flight is repeated when the API is killed',
    'unexplained',
    (world) => (world.faults[0] = fault({ target: 'api' })),
  ],
  [
    'a worker that was stopped sends on when it wakes up',
    'unexplained',
    (world) => {
      world.faults[0] = fault({ kind: 'stop', t0: killed - 1_000, t1: killed });
    },
  ],
  [
    'what had been settled is repeated when a connection to the sink is cut',
    'unexplained',
    (world) => {
      world.faults[0] = fault({ kind: 'cut', target: 'delivery>sink', t0: killed + 600 });
    },
  ],
  ['the stream sends what the replay has sent', 'unexplained', (world) => again(world, 2, 50)],
  [
    'what lies before the seam is sent without being asked for',
    'strangers',
    (world) => {
      world.lines.push(request(source('older', 0), 93, start + 5_000));
    },
  ],
  [
    'an event of another destination is sent',
    'strangers',
    (world) => change(world, 3, { messageId: 'other' }),
  ],
  [
    'two events of a user change places',
    'outOfOrder',
    (world) => {
      const [one, other] = [at(world, 0), at(world, 9)];
      expect(one.userId).toBe(other.userId);
      change(world, 0, { seq: other.seq });
      change(world, 9, { seq: one.seq });
    },
  ],
  [
    'a user’s next event does not wait for one that failed',
    'outOfOrder',
    (world) => {
      change(world, 60, { answer: 503 });
      again(world, 60, 5, { answer: 200 });
    },
  ],
  [
    'a number is written anew',
    'altered',
    (world) => rewrite(world, 5, (body) => body.replace('1.50', '1.5')),
  ],
  [
    'a member is left out',
    'altered',
    (world) => rewrite(world, 5, (body) => body.replace(',"properties":{"n":1.50}', '')),
  ],
  [
    'the sender’s time is not kept',
    'altered',
    (world) => rewrite(world, 5, (body) => body.replace(/"originalTimestamp":"[^"]*",/, '')),
  ],
  [
    'the body is cut short',
    'altered',
    (world) => change(world, 5, { sha256: digest(at(world, 5).body.slice(0, -1)) }),
  ],
  ['a retry has another id', 'unstable', (world) => again(world, 80, 50, { id: 'new' })],
  ['a retry has other bytes', 'unstable', (world) => again(world, 80, 50, { sha256: 'other' })],
  ['two events share an id', 'unstable', (world) => change(world, 10, { id: at(world, 11).id })],
  ['a Retry-After is not kept', 'early', (world) => change(world, 3, { answer: 429, retryAfterSeconds: 4 })],
  [
    'a Retry-After is forgotten at the take-over',
    'early',
    (world) => {
      change(world, 3, { answer: 429, retryAfterSeconds: 5 });
      world.lines = world.lines.map((line) =>
        line.seq > 5 ? { ...line, at: line.at + 3_000, answeredAt: line.answeredAt + 3_000 } : line,
      );
    },
  ],
  [
    'the fault hits nothing',
    'vacuous',
    (world) => (world.faults[0] = fault({ t0: start + 10_000, t1: start + 10_001 })),
  ],
  [
    'the fault comes before anything was delivered',
    'vacuous',
    (world) => (world.faults[0] = fault({ t0: start + 60, t1: start + 61 })),
  ],
  [
    'nothing is left when the fault is over',
    'vacuous',
    (world) => (world.faults[0] = fault({ t1: start + 20_000 })),
  ],
];

function rewrite(world: World, index: number, edit: (body: string) => string): void {
  const body = edit(at(world, index).body);
  expect(body).not.toBe(at(world, index).body);
  change(world, index, { body, sha256: digest(body) });
}

describe('a bug is caught:', () => {
  test.each(bugs)('%s', (_, list, break_) => {
    const world = cleanWorld();
    break_(world);
    expect(namesOf(verdictOf(world))).toContain(list);
  });

  test('a pause is lost: what is sent while the status is paused is more than is counted', () => {
    const world = cleanWorld();
    const paused = replayPolls(world)[1]!;
    const later = { ...paused, at: start + 6_000, replay: { ...paused.replay!, status: 'cancelled' } };
    world.polls = [paused, later];
    expect(verdictOf(world).falselyDone).not.toEqual([]);
  });
});
