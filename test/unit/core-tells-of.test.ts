import fc from 'fast-check';
import { expect, it } from 'vitest';
import { emptied, sharedOutcomes, type Failure, type Outcome } from '../../src/core/outcome.ts';
import { positionsIn, tellsOf } from '../../src/core/tells-of.ts';

const positions = fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 45 }), { minLength: 1, maxLength: 1_000 });
const at = (position: number) => ({ entry: { position } });
const failure: Failure = { errorClass: 'http_400', message: 'no', status: 400, at: '2026-01-02T03:04:05Z' };
const refused: Outcome = { kind: 'refused', failure };

it('reads back what it wrote, from the lowest on', () => {
  fc.assert(
    fc.property(positions, (list) => {
      expect(positionsIn(tellsOf(list))).toEqual(list.toSorted((a, b) => a - b));
    }),
  );
  expect(tellsOf([12, 5, 6])).toBe('5 1 6');
});

it('every text that came of a request of several notes all of them, whichever it is about', () => {
  fc.assert(
    fc.property(positions, (list) => {
      fc.pre(list.length > 1);
      const outcomes = list.map((_, index): Outcome => {
        if (index % 3 === 0) return refused;
        return index % 3 === 1 ? { kind: 'delivered', answer: 'taken' } : { kind: 'delivered' };
      });
      for (const [index, outcome] of sharedOutcomes(outcomes, list.map(at)).entries()) {
        const noted =
          'failure' in outcome ? outcome.failure.tellsOf : 'tellsOf' in outcome && outcome.tellsOf;
        expect(noted === false ? null : positionsIn(noted!)).toEqual(
          index % 3 === 2 ? null : list.toSorted((a, b) => a - b),
        );
      }
    }),
  );
});

it('an event of several deliveries is noted once, and one that left alone not at all', () => {
  const twice = sharedOutcomes([refused, refused], [at(7), at(7)]);
  expect(twice[0]).toMatchObject({ failure: { tellsOf: '7' } });
  const [alone] = sharedOutcomes([refused], [at(7)]);
  expect(alone).toBe(refused);
});

it('of a failure that tells of somebody forgotten its kind and time are left', () => {
  const told: Failure = { ...failure, tookMs: 3, tellsOf: '7', response: { headers: {}, body: 'of him' } };
  expect(emptied(told)).toEqual({ ...failure, message: 'Deleted: it named somebody who is forgotten.' });
  expect(emptied({ errorClass: 'timeout', message: 'of him' })).toEqual({
    errorClass: 'timeout',
    message: 'Deleted: it named somebody who is forgotten.',
  });
});
