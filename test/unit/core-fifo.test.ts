import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fifo } from '../../src/core/fifo.ts';

const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('push' as const), times: fc.integer({ min: 1, max: 900 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('shift' as const), times: fc.integer({ min: 1, max: 900 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('unshift' as const), times: fc.integer({ min: 1, max: 3 }) }),
  },
);

it('is the plain queue that it replaces, however long it gets', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 25 }), (steps) => {
      const fifo = new Fifo<number>();
      const plain: number[] = [];
      let next = 0;
      for (const { op, times } of steps) {
        for (let time = 0; time < times; time++) {
          if (op === 'shift') expect(fifo.shift()).toBe(plain.shift());
          else {
            fifo[op](++next);
            plain[op](next);
          }
        }
        expect(fifo.size).toBe(plain.length);
        expect(fifo.first).toBe(plain[0]);
      }
      while (plain.length > 0) expect(fifo.shift()).toBe(plain.shift());
      expect(fifo.shift()).toBeUndefined();
      expect(fifo.size).toBe(0);
    }),
    { numRuns: 60 },
  );
});
