import { describe, expect, it } from 'vitest';
import type { LaneOptions, Task } from '../../src/core/lane-types.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import {
  delivered,
  due,
  failed,
  laneOf,
  offered,
  read,
  refused,
  send,
  takeAll,
  throttled,
  unreachable,
} from '../support/lanes.ts';

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
      lane.judgeSuspects(now, 'bounded');
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

/** Sessions that look alike, so many at the same time, each of another user: the last of ten events is refused. */
function shop(users: number, sessions: number, sideBySide: number) {
  const length = 10;
  const events = Array.from({ length: sessions * sideBySide * length }, (_, at) => {
    const [group, within] = [Math.floor(at / (length * sideBySide)), at % (length * sideBySide)];
    const user = `u${(group * sideBySide + (within % sideBySide)) % users}`;
    return { position: at + 1, user, isBad: Math.floor(within / sideBySide) === length - 1 };
  });
  return { events, bad: new Set(events.filter(({ isBad }) => isBad).map(({ position }) => position)) };
}

/** Works the shop's lane as a slice does, over few connections and with a window that may be full. */
function work(options: Partial<LaneOptions>, { events, bad }: ReturnType<typeof shop>, untilMs: number) {
  const lane = laneOf({ ...options, windowLimit: 400 });
  const flying: Task<string>[] = [];
  let [now, at, downs, wasDown] = [0, 0, 0, false];
  const mayRead = () => at < events.length && lane.wantsMore(100);
  while (now < untilMs && (at < events.length || lane.open > 0)) {
    while (mayRead()) {
      const page = events.slice(at, (at += 100));
      read(lane, ...page.map(({ position, user }) => offered(position, user)));
    }
    while (flying.length < connections) {
      const [task] = lane.next(now);
      if (task === undefined) break;
      flying.push(task);
    }
    const task = flying.shift();
    if (task !== undefined) lane.settle(task, bad.has(task.entry.position) ? refused : delivered, (now += 1));
    else {
      lane.judgeSuspects(now, 'bounded');
      now = lane.wakeAt() ?? now + 1;
    }
    if (lane.health.down !== null && !wasDown) downs++;
    wasDown = lane.health.down !== null;
    lane.takeCommit();
  }
  return { lane, downs, all: at === events.length };
}

describe('what is refused of every user at the same place of his session', () => {
  it('is sent among the rest, as it came, and holds the lane for a moment at most', () => {
    const scene = shop(100, 200, 1);
    const { lane, all } = work({}, scene, 60_000);
    expect([all, lane.open]).toEqual([true, 0]);
    expect(lane.takeCommit().counts.events).toMatchObject({ dead: scene.bad.size });
  });

  it('holds a lane in which nothing else may be sent, until a person says that it is to go on', () => {
    const scene = shop(8, 40, 8);
    const held = work({}, scene, 600_000);
    expect(held.lane.health.down?.reason).toBe('destination_refuses');
    const { lane, downs, all } = work({ isOwnRefusal: (name) => name === 'http_400' }, scene, 60_000);
    expect([all, lane.open, downs]).toEqual([true, 0, 0]);
    expect(lane.takeCommit().counts.events).toEqual({
      delivered: scene.events.length - scene.bad.size,
      dead: scene.bad.size,
    });
  });

  it('goes on alone: other refusals still speak for the destination', () => {
    const lane = laneOf({ isOwnRefusal: (name) => name === 'http_422' });
    read(lane, ...[1, 2, 3, 4, 5].map((position) => offered(position, `u${position}`)));
    for (const task of takeAll(lane)) lane.settle(task, refused, 0);
    expect(lane.health.down?.reason).toBe('destination_refuses');
    expect(lane.takeCommit().dead).toEqual([]);
  });

  it('shows that a destination answers again, but does not open what a Retry-After closed', () => {
    const own = { isOwnRefusal: () => true };
    const events = [1, 2, 3, 4, 5, 6].map((position) => offered(position, `u${position}`));
    const down = laneOf(own);
    read(down, ...events);
    send(down, unreachable, 0);
    send(down, refused, down.wakeAt()!);
    expect(down.health.down).toBeNull();
    const closed = laneOf(own);
    read(closed, ...events);
    const [first, second] = [closed.next(0)[0]!, closed.next(0)[0]!];
    closed.settle(first, throttled(30_000), 0);
    closed.settle(second, refused, 100);
    expect(closed.health.down?.reason).toBe('throttled');
    expect(closed.takeCommit().dead).toEqual([]);
    expect(closed.next(29_999)).toEqual([]);
  });
});
