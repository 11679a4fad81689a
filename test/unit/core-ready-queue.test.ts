import fc from 'fast-check';
import { expect, it } from 'vitest';
import { entryOf, newTask } from '../../src/core/lane-entry.ts';
import type { Task } from '../../src/core/lane-types.ts';
import { ReadyQueue } from '../../src/core/ready-queue.ts';
import { offered } from '../support/lanes.ts';

const taskOf = (position: number, turn = 0): Task<string> => {
  const task = newTask(entryOf(offered(position, 'u'), 'u'), 'a');
  task.turn = turn;
  return task;
};

const byRank = (a: Task<string>, b: Task<string>) => a.turn - b.turn || a.entry.position - b.entry.position;

it('gives out what has not been tried, oldest first, then what has, in turn, however they came and left', () => {
  const step = fc.oneof(
    fc.record({
      put: fc.tuple(fc.nat(1_000), fc.option(fc.integer({ min: 1, max: 50 }), { nil: 0 })),
    }),
    fc.constant({ take: 'first' as const }),
    fc.record({ takeAt: fc.nat(100) }),
    fc.constant({ forget: true as const }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new ReadyQueue<string>();
      const inside = new Set<Task<string>>();
      for (const one of steps) {
        const first = [...inside].toSorted(byRank)[0];
        if ('put' in one) {
          const task = taskOf(...one.put);
          inside.add(task);
          queue.push(task);
        } else if ('take' in one) {
          const rank = first === undefined ? null : [first.turn, first.entry.position];
          expect(queue.first === undefined ? null : [queue.first.turn, queue.first.entry.position]).toEqual(
            rank,
          );
          const taken = queue.shift();
          if (taken !== undefined) expect(inside.delete(taken)).toBe(true);
        } else if ('takeAt' in one) {
          const taken = queue.takeAt(one.takeAt);
          expect(taken !== undefined).toBe(one.takeAt < inside.size);
          if (taken !== undefined) expect([inside.delete(taken), taken.turn]).toEqual([true, 0]);
        } else queue.forgetTurns();
        expect(queue.size).toBe(inside.size);
      }
      const left = [...inside].toSorted(byRank).map(({ turn, entry }) => [turn, entry.position]);
      const came: number[][] = [];
      for (let task = queue.first; task !== undefined; task = queue.first) {
        came.push([task.turn, task.entry.position]);
        queue.shift();
      }
      expect(came).toEqual(left);
    }),
    { numRuns: 300 },
  );
});
