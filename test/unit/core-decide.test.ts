import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf } from '../../src/core/counts.ts';
import { decide, gather, type Decision, type Knowledge } from '../../src/core/decide.ts';

const unknown: Knowledge = {
  ownBit: false,
  otherBit: false,
  ownRow: null,
  waitsElsewhere: false,
  asked: true,
  triggered: true,
  passes: true,
  optedOut: false,
  suppressed: false,
  outOfTime: null,
  confirms: true,
};
const modes = ['missing', 'all', 'failed'] as const;

const anyMode = fc.constantFrom(...modes);
const anyKnowledge: fc.Arbitrary<Knowledge> = fc.record({
  ownBit: fc.boolean(),
  otherBit: fc.boolean(),
  ownRow: fc.constantFrom('waiting' as const, 'dead' as const, null),
  waitsElsewhere: fc.boolean(),
  asked: fc.boolean(),
  triggered: fc.boolean(),
  passes: fc.boolean(),
  optedOut: fc.boolean(),
  suppressed: fc.boolean(),
  outOfTime: fc.constantFrom('older_than_taken' as const, 'later_than_taken' as const, null),
  confirms: fc.boolean(),
});

function settledAs(decision: Decision): string | null {
  return decision.kind === 'settled' ? decision.bucket : null;
}

describe('decide', () => {
  it.each(modes)('delivers what nobody has, mode %s', (mode) => {
    expect(decide(mode, unknown)).toEqual({ kind: 'deliver' });
  });

  it('never sends again what this run has, gave up or waits for', () => {
    fc.assert(
      fc.property(anyMode, anyKnowledge, (mode, known) => {
        fc.pre(known.ownBit || known.ownRow !== null);
        expect(decide(mode, known).kind).toBe('settled');
      }),
    );
  });

  it('leaves out what the trigger does not take and what waits in another run, in every mode', () => {
    for (const mode of modes) {
      expect(decide(mode, { ...unknown, triggered: false })).toMatchObject({
        bucket: 'filtered',
        reason: 'trigger',
      });
      expect(decide(mode, { ...unknown, waitsElsewhere: true })).toMatchObject({
        bucket: 'filtered',
        reason: 'waiting_elsewhere',
      });
    }
  });

  it('leaves other deliveries of an event alone when some are retried, whatever they are', () => {
    fc.assert(
      fc.property(anyMode, anyKnowledge, (mode, known) => {
        fc.pre(!known.ownBit && known.ownRow === null);
        const decision = decide(mode, { ...known, asked: false });
        expect(decision).toMatchObject({ bucket: 'filtered', reason: 'not_to_retry', set: false });
      }),
    );
  });

  it('sends nothing to who is suppressed, in every mode, and gives him no bit', () => {
    for (const mode of modes) {
      const decision = decide(mode, { ...unknown, suppressed: true });
      expect(decision).toMatchObject({ kind: 'settled', bucket: 'suppressed', set: false });
    }
    fc.assert(
      fc.property(anyMode, anyKnowledge, (mode, known) => {
        expect(decide(mode, { ...known, suppressed: true }).kind).toBe('settled');
      }),
    );
  });

  it('leaves out what the destination takes no more, in every mode, and says so only of what it lacks', () => {
    for (const mode of modes) {
      const decision = decide(mode, { ...unknown, outOfTime: 'older_than_taken' });
      expect(decision).toMatchObject({ bucket: 'tooOld', reason: 'older_than_taken', set: false });
    }
    const had = decide('missing', { ...unknown, otherBit: true, outOfTime: 'older_than_taken' });
    expect(had).toMatchObject({ bucket: 'alreadyDelivered' });
  });

  it('leaves out what another run has, but with mode all', () => {
    const known = { ...unknown, otherBit: true };
    expect(decide('missing', known)).toMatchObject({ bucket: 'alreadyDelivered', set: true });
    expect(decide('failed', known)).toMatchObject({ bucket: 'alreadyDelivered', set: true });
    expect(decide('all', known).kind).toBe('deliver');
  });

  it('sets a bit only for what another run has', () => {
    fc.assert(
      fc.property(anyMode, anyKnowledge, (mode, known) => {
        const decision = decide(mode, known);
        if (decision.kind === 'deliver' || !decision.set) return;
        expect(known.otherBit).toBe(true);
        expect(decision.bucket).toBe('alreadyDelivered');
      }),
    );
  });

  it('says after a crash that what nobody confirmed is unconfirmable', () => {
    for (const mode of modes)
      expect(settledAs(decide(mode, { ...unknown, ownBit: true, confirms: false }))).toBe('unconfirmable');
  });

  it('says after a crash what it said before', () => {
    for (const mode of modes) {
      const had = decide(mode, { ...unknown, otherBit: true });
      const read = decide(mode, { ...unknown, otherBit: true, ownBit: true });
      expect(settledAs(read)).toBe(had.kind === 'deliver' ? 'delivered' : settledAs(had));
      expect(settledAs(decide(mode, { ...unknown, ownBit: true }))).toBe('delivered');
      expect(settledAs(decide(mode, { ...unknown, ownRow: 'dead' }))).toBe('dead');
      expect(settledAs(decide(mode, { ...unknown, ownRow: 'waiting' }))).toBe('waiting');
    }
  });
});

describe('gather', () => {
  it('tells of an event that is too old why it is, whatever else was left out', () => {
    const outside = decide('missing', { ...unknown, outOfTime: 'older_than_taken' });
    const untriggered = decide('missing', { ...unknown, triggered: false });
    const both = gather([
      ['a', untriggered],
      ['b', outside],
    ]);
    expect(both.reason).toBe('older_than_taken');
  });

  const deliver = decide('missing', unknown);
  const filtered = decide('missing', { ...unknown, triggered: false });
  const elsewhere = decide('missing', { ...unknown, waitsElsewhere: true });
  const had = decide('missing', { ...unknown, otherBit: true });

  it('splits the actions into those to deliver, those that are settled, and bits to set', () => {
    expect(
      gather([
        ['a', deliver],
        ['b', had],
        ['c', filtered],
      ]),
    ).toEqual({
      deliver: ['a'],
      settled: [
        { actionId: 'b', bucket: 'alreadyDelivered' },
        { actionId: 'c', bucket: 'filtered' },
      ],
      have: ['b'],
      reason: null,
    });
  });

  it('gives the first reason of an event that is filtered as a whole', () => {
    expect(
      gather([
        ['a', elsewhere],
        ['b', filtered],
      ]).reason,
    ).toBe('waiting_elsewhere');
    expect(
      gather([
        ['a', filtered],
        ['b', had],
      ]).reason,
    ).toBeNull();
  });

  it('gives a reason exactly for the events that count as filtered or too old', () => {
    fc.assert(
      fc.property(anyMode, fc.array(anyKnowledge, { minLength: 1, maxLength: 4 }), (mode, list) => {
        const { deliver, settled, reason } = gather(
          list.map((known, index) => [`action ${index}`, decide(mode, known)] as const),
        );
        expect(deliver.length + settled.length).toBe(list.length);
        const bucket = bucketOf(settled.map((one) => one.bucket));
        const isLeftOut = deliver.length === 0 && (bucket === 'filtered' || bucket === 'tooOld');
        expect(reason !== null).toBe(isLeftOut);
      }),
    );
  });
});
