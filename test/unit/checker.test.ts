import { describe, expect, test } from 'vitest';
import { flawless, judge, recoveryMs, repeatsOf, type Evidence, type FaultLine } from '../support/checker.ts';
import {
  again,
  bodyOf,
  change,
  cleanWorld,
  digest,
  fault,
  gap,
  killed,
  namesOf,
  request,
  source,
  start,
  users,
  verdictOf,
} from '../support/checker-world.ts';

describe('a clean run', () => {
  test('is without a fault; what the fault explains is a duplicate and no more', () => {
    const world = cleanWorld();
    const { duplicates, ...verdict } = verdictOf(world);
    expect({ ...verdict, duplicates: [] }).toEqual(flawless);
    expect(duplicates).toHaveLength(2);
    const [repeats] = repeatsOf(world.lines, world);
    expect(repeats?.repeated).toBe(2);
    expect(repeats?.bound).toBeLessThan(90);
  });

  test('is so too when the ledger has it in the order of the answers', () => {
    const world = cleanWorld();
    world.lines.reverse();
    expect(namesOf(verdictOf(world))).toEqual(['duplicates']);
  });

  test('may hold failed attempts, as long as each event is taken in the end and in order', () => {
    const world = cleanWorld();
    change(world, 88, { answer: 503 });
    again(world, 88, 10, { answer: 200, attempt: 2 });
    expect(namesOf(verdictOf({ ...world, polls: [] }))).toEqual(['duplicates']);
  });

  test('may take twice what the sink itself broke off', () => {
    const world = cleanWorld();
    change(world, 88, { answer: 0, cut: 'before' });
    again(world, 88, 10, { answer: 200, cut: 'after' });
    again(world, 88, 20, { answer: 200, cut: null });
    expect(verdictOf({ ...world, polls: [] }).unexplained).toEqual([]);
  });

  test('may be sent in batches', () => {
    const events = [source('past', 0), source('past', 1)];
    const body = `[${events.map(bodyOf).join(',')}]`;
    const line = request(events[0]!, 1, start, { body, sha256: digest(body), messageId: null, id: 'batch' });
    expect(judge([events], [line])).toEqual(flawless);
    expect(judge([events], [line, { ...line, seq: 2 }]).unexplained).toEqual(['past-0', 'past-1']);
  });
});

describe('what excuses', () => {
  test('a cursor may pass what was set aside after five tries, with what stands behind it', () => {
    const world = cleanWorld();
    const live = world.phases[1]!;
    const [first, second] = [live[0]!, live[users]!];
    const others = world.lines.filter(
      ({ messageId }) => messageId !== first.messageId && messageId !== second.messageId,
    );
    const refused = Array.from({ length: 5 }, (_, index) =>
      request(first, 200 + index, start + index, { answer: 500 }),
    );
    const late = [first, second].map((event, index) => request(event, 300 + index, start + 8_000));
    const polls = [{ at: start + 4_800, phase: 1, cursor: 30 }];
    expect(verdictOf({ ...world, polls, lines: [...others, ...refused, ...late] }).falselyDone).toEqual([]);
    expect(
      verdictOf({ ...world, polls, lines: [...others, ...refused.slice(1), ...late] }).falselyDone,
    ).toHaveLength(2);
  });

  test('over a slow link to Postgres a commit may take as long as a lease', () => {
    const world = cleanWorld();
    again(world, 0, 50);
    const late = fault({ t0: start + 4_000, t1: start + 4_001 });
    world.lines = world.lines.map((line) => (line.seq === 93 ? { ...line, at: start + 4_500 } : line));
    const evidence = (...faults: FaultLine[]): Evidence => ({ faults: [fault({}), late, ...faults] });
    expect(judge(world.phases, world.lines, evidence()).unexplained).toEqual(['past-0']);
    const slow = fault({ kind: 'slow', target: 'delivery>postgres', t0: start, t1: start + 5_000 });
    expect(judge(world.phases, world.lines, evidence(slow)).unexplained).toEqual([]);
  });
});

test('recovery is the end of the longest silence that a fault began', () => {
  const world = cleanWorld();
  const { lines, faults } = { lines: world.lines.slice(0, 90), faults: world.faults };
  expect(recoveryMs(lines, faults[0]!)).toBeLessThan(2 * gap);
  const late = lines.map((line) => (line.at > killed + 50 ? { ...line, at: line.at + 7_000 } : line));
  expect(recoveryMs(late, faults[0]!)).toBeGreaterThan(7_000);
  expect(recoveryMs(lines.slice(0, 30), faults[0]!)).toBeNull();
  const stopped = fault({ kind: 'stop', t1: killed + 6_000 });
  expect(recoveryMs(late, stopped)).toBeGreaterThan(7_000);
});
