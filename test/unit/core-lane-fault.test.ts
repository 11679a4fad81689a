import { describe, expect, it } from 'vitest';
import type { Task } from '../../src/core/lane-types.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { delivered, due, failed, laneOf, offered, read, refused, takeAll } from '../support/lanes.ts';

const connections = 16;

/** Sends all that a lane has over some connections, answered in turn. @returns how many requests that took */
function drain(events: number, answer: (position: number) => Outcome) {
  const lane = laneOf();
  read(lane, ...Array.from({ length: events }, (_, at) => offered(at + 1, `u${at + 1}`)));
  const flying: Task<string>[] = [];
  let [now, sent] = [0, 0];
  while (lane.open > 0 && sent < 20 * events) {
    while (flying.length < connections) {
      const [task] = lane.next(now);
      if (task === undefined) break;
      sent++;
      flying.push(task);
    }
    const task = flying.shift();
    if (task !== undefined) lane.settle(task, answer(task.entry.position), now);
    else {
      lane.judgeSuspects(now);
      now = lane.wakeAt() ?? now;
    }
  }
  return { sent, commit: lane.takeCommit(), health: lane.health };
}

function positionsIn(rows: readonly { position: number }[]): number[] {
  return rows.map(({ position }) => position).toSorted((a, b) => a - b);
}

describe('events that are at fault, as many side by side as make a streak', () => {
  const bad = 5;
  const events = 100;
  const answer = (outcome: Outcome) => (position: number) => (position <= bad ? outcome : delivered);

  it('are given up once one that left after their refusal was taken', () => {
    const { sent, commit } = drain(events, answer(refused));
    expect(positionsIn(commit.dead)).toEqual([1, 2, 3, 4, 5]);
    expect(commit.mark).toBe(events);
    expect(sent).toBeLessThanOrEqual(events + 3 * bad);
  });

  it('are set aside after as many tries as any other', () => {
    const { commit } = drain(events, answer(failed));
    expect(positionsIn(commit.waiting)).toEqual([1, 2, 3, 4, 5]);
    expect(commit.waiting.every(({ attempts }) => attempts <= 7)).toBe(true);
    expect(commit.mark).toBe(events);
  });

  it('end with the waits of their schedule when nothing else is left', () => {
    const lane = laneOf({ waitingByKey: new Map(['u', 'v', 'w', 'x', 'y'].map((key) => [key, 1])) });
    read(
      lane,
      ...[1, 2, 3, 4, 5].map((position) => offered(position, 'uvwxy'[position - 1]!, { deliver: [] })),
    );
    lane.takeCommit();
    lane.offerDue(
      [1, 2, 3, 4, 5].map((position) => due(position, 'uvwxy'[position - 1]!)),
      0,
    );
    let now = 0;
    for (let turn = 0; turn < 60 && lane.open > 0; turn++, now = lane.wakeAt() ?? now)
      for (const task of takeAll(lane, now)) lane.settle(task, failed, now);
    expect(lane.health.down).toBeNull();
    expect(lane.takeCommit().waiting).toHaveLength(5);
  });

  it('keep their destination from being given up on when nothing is taken any more', () => {
    const { commit, health } = drain(events, (position) => (position <= 50 ? delivered : refused));
    expect(health.down?.reason).toBe('destination_refuses');
    expect(commit.dead.length).toBeLessThan(5);
  });

  it('are not told by an answer to what had left before their refusal', () => {
    const lane = laneOf();
    read(lane, ...[1, 2, 3, 4, 5, 6, 7].map((position) => offered(position, `u${position}`)));
    const tasks = [1, 2, 3, 4, 5, 6].flatMap(() => lane.next(0));
    for (const task of tasks.slice(0, 5)) lane.settle(task, refused, 0);
    lane.settle(tasks[5]!, delivered, 0);
    const again = [1, 2, 3, 4, 5].flatMap(() => lane.next(0));
    for (const task of again) lane.settle(task, refused, 0);
    expect(lane.health.down?.reason).toBe('destination_refuses');
    expect(lane.takeCommit().dead).toEqual([]);
  });

  it('are not all that is probed with: others are read, and one of them is next', () => {
    const lane = laneOf();
    read(lane, ...[1, 2, 3, 4, 5].map((position) => offered(position, `u${position}`)));
    read(lane, offered(6, 'u1'), offered(7, 'u1'));
    for (const task of takeAll(lane)) lane.settle(task, refused, 0);
    expect(lane.health.down?.reason).toBe('destination_refuses');
    expect(lane.wantsMore(2)).toBe(true);
    read(lane, ...Array.from({ length: 20 }, (_, at) => offered(8 + at, `v${at}`)));
    expect(lane.wantsMore(2)).toBe(false);
    const [probe] = lane.next(lane.wakeAt()!);
    expect(probe!.entry.position).toBeGreaterThan(7);
  });
});
