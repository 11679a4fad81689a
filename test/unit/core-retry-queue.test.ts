import fc from 'fast-check';
import { expect, it } from 'vitest';
import { entryOf, newTask } from '../../src/core/lane-entry.ts';
import { RetryQueue } from '../../src/core/retry-queue.ts';
import { offered } from '../support/lanes.ts';

function taskAt(position: number) {
  return newTask(entryOf(offered(position, 'u'), 'u'), 'a');
}

it('gives out what is due, soonest first, and says when the next one is', () => {
  const anyTime = fc.integer({ min: 0, max: 50 });
  fc.assert(
    fc.property(fc.array(anyTime, { maxLength: 30 }), anyTime, (times, now) => {
      const queue = new RetryQueue<string>();
      times.forEach((at, index) => queue.add(taskAt(index + 1), at));
      expect(queue.firstAt).toBe(times.length === 0 ? null : Math.min(...times));
      const due = queue.takeDue(now).map((task) => times[task.entry.position - 1]!);
      expect(due).toEqual(times.filter((at) => at <= now).toSorted((a, b) => a - b));
      expect(queue.size).toBe(times.length - due.length);
      const left = times.filter((at) => at > now);
      expect(queue.firstAt).toBe(left.length === 0 ? null : Math.min(...left));
      expect(queue.takeAll()).toHaveLength(left.length);
      expect(queue.size).toBe(0);
    }),
  );
});

it('takes out the deliveries of one event and leaves the others', () => {
  const queue = new RetryQueue<string>();
  const entry = entryOf(offered(1, 'u'), 'u');
  const other = taskAt(2);
  queue.add(newTask(entry, 'a'), 10);
  queue.add(other, 20);
  queue.add(newTask(entry, 'b'), 30);
  expect(queue.takeOf(entry).map((task) => task.actionId)).toEqual(['a', 'b']);
  expect(queue.takeOf(entry)).toEqual([]);
  expect(queue.takeAll()).toEqual([other]);
});
