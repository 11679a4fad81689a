import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  failedOne,
  failedWhole,
  healthy,
  maySend,
  probeSent,
  probeUnsent,
  stillDown,
  succeeded,
  type Health,
} from '../../src/core/health.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { failureOf, throttled, unreachable } from '../support/lanes.ts';

const unauthorized = { kind: 'down', failure: failureOf('http_401', 401) } satisfies Outcome;

type InHand = readonly { position: number; user: string }[];

const many: InHand = [1, 2, 3, 4, 5].map((position) => ({ position, user: `u${position % 2}` }));

type Whole = Extract<Outcome, { kind: 'down' | 'throttled' }>;

function fails(
  health: Health,
  position: number,
  over: { user?: string; error?: string; refused?: boolean; now?: number; inHand?: InHand } = {},
) {
  const { user = `u${position}`, error = 'http_500', refused = false, now = 0, inHand = many } = over;
  const failure = failureOf(error);
  return failedOne(health, { failure, refused, position, user, inHand, now, random: 0.5 });
}

function goesDown(outcome: Outcome = unreachable, now = 0, health: Health = healthy): Health {
  return failedWhole(health, outcome as Whole, now, 0.5);
}

/** Lets probes fail until the waits no longer grow. */
function worn(
  health: Health,
  fail: (probing: Health, now: number) => Health,
): { health: Health; now: number } {
  let now = 0;
  for (let probes = 0; probes < 10; probes++) {
    now = health.down!.probeAt;
    health = fail(probeSent(health), now);
  }
  return { health, now };
}

describe('a streak', () => {
  it('takes the destination down with the same failure of five events of two users', () => {
    let health = healthy;
    for (let position = 1; position <= 4; position++) health = fails(health, position);
    expect(maySend(health, 0)).toBe('yes');
    health = fails(health, 5);
    expect(health.down).toMatchObject({ reason: 'destination_down', probing: false });
  });

  it('says that it refuses when that is the failure', () => {
    let health = healthy;
    for (let position = 1; position <= 5; position++) health = fails(health, position, { refused: true });
    expect(health.down?.reason).toBe('destination_refuses');
  });

  it.each([
    ['one user', (turn: number) => ({ position: turn, user: 'u' })],
    ['four events', (turn: number) => ({ position: turn % 4, user: `u${turn}` })],
    [
      'three events of each of five kinds',
      (turn: number) => ({ position: turn % 15, error: `kind ${turn % 5}` }),
    ],
  ])('does not come from %s', (_, failureAt) => {
    let health = healthy;
    for (let turn = 1; turn <= 30; turn++) {
      const { position, ...over } = failureAt(turn);
      health = fails(health, position, over);
    }
    expect(health.down).toBeNull();
  });

  it('ends with a success', () => {
    let health = healthy;
    for (let position = 1; position <= 4; position++) health = fails(health, position);
    health = succeeded(health, 0);
    for (let position = 5; position <= 8; position++) health = fails(health, position);
    expect(health.down).toBeNull();
  });
});

describe('down', () => {
  it.each([
    ['destination_down', unreachable],
    ['throttled', throttled(null)],
    ['unauthorized', unauthorized],
  ] as const)('at once, reason %s', (reason, outcome) => {
    expect(goesDown(outcome).down?.reason).toBe(reason);
  });

  it('sends nothing, then one probe at a time', () => {
    const health = goesDown();
    const { probeAt } = health.down!;
    expect(maySend(health, probeAt - 1)).toBe('no');
    expect(maySend(health, probeAt)).toBe('probe');
    expect(maySend(probeSent(health), probeAt + 1_000_000)).toBe('no');
    expect(maySend(probeUnsent(probeSent(health)), probeAt)).toBe('probe');
  });

  it.each([
    ['destination_down', unreachable, 4_000],
    ['throttled', throttled(null), 30_000],
    ['unauthorized', unauthorized, 30_000],
  ] as const)('waits longer after each probe that fails, up to a limit: %s', (_, outcome, longest) => {
    let health = goesDown(outcome);
    let now = 0;
    const waits: number[] = [];
    for (let probes = 0; probes < 10; probes++) {
      waits.push(health.down!.probeAt - now);
      now = health.down!.probeAt;
      health =
        probes % 2 === 0 ? goesDown(outcome, now, probeSent(health)) : fails(probeSent(health), 1, { now });
    }
    expect(waits.slice(0, 3)).toEqual([500, 1_000, 2_000]);
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
    expect(Math.max(...waits)).toBe(longest);
  });

  it('learns nothing from answers to what was in flight when it fell', () => {
    const health = goesDown();
    expect(goesDown(unreachable, 400, health)).toEqual(health);
    expect(fails(health, 7, { now: 400 })).toEqual(health);
  });

  it('is up with the first success', () => {
    expect(succeeded(probeSent(goesDown()), 600)).toEqual(healthy);
  });

  it('says what is wrong with the account now', () => {
    const health = goesDown(throttled(null), 500, probeSent(goesDown()));
    expect(health.down).toMatchObject({ reason: 'throttled', failure: { errorClass: 'http_429' } });
  });

  it('goes on with its wait in the next slice', () => {
    const { health } = worn(goesDown(), (probing, now) => goesDown(unreachable, now, probing));
    const next = stillDown(health.down!, health.down!.failure, 5);
    expect(maySend(next, 5)).toBe('no');
    expect(maySend(next, 1_005)).toBe('probe');
    expect(goesDown(unreachable, 1_005, probeSent(next)).down!.waitMs).toBe(30_000);
  });
});

describe('a refusal of one event while down', () => {
  const refusal = (probing: Health, now: number) =>
    fails(probing, 1, { error: 'http_400', refused: true, now });

  it('ends an outage of another kind once the waits have stopped growing, not before', () => {
    let health = goesDown();
    let seconds = 0;
    for (let probes = 0; probes < 20 && health.down !== null; probes++) {
      seconds = health.down.probeAt / 1_000;
      health = refusal(probeSent(health), health.down.probeAt);
    }
    expect(health.down).toBeNull();
    expect(seconds).toBeGreaterThan(15);
    expect(seconds).toBeLessThan(60);
  });

  it('ends no streak of refusals', () => {
    let health = healthy;
    for (let position = 1; position <= 5; position++) health = fails(health, position, { refused: true });
    expect(worn(health, refusal).health.down).not.toBeNull();
  });

  it('is not taken from what was in flight', () => {
    const { health, now } = worn(goesDown(), (probing, now) => goesDown(unreachable, now, probing));
    expect(refusal(health, now).down).not.toBeNull();
  });
});

describe('a failure of one event while down', () => {
  const failure = (inHand: InHand) => (probing: Health, now: number) =>
    fails(probing, 1, { now, inHand, user: inHand[0]?.user ?? 'u' });

  it.each([
    ['one', many.slice(0, 1)],
    ['four', many.slice(0, 4)],
    ['twenty of one user', Array.from({ length: 20 }, (_, position) => ({ position, user: 'u' }))],
  ])(
    'ends an outage once the waits have stopped growing when there is nothing else to probe: %s',
    (_, few) => {
      let health = goesDown();
      let seconds = 0;
      for (let probes = 0; probes < 20 && health.down !== null; probes++) {
        seconds = health.down.probeAt / 1_000;
        health = failure(few)(probeSent(health), health.down.probeAt);
      }
      expect(health.down).toBeNull();
      expect(seconds).toBeGreaterThan(15);
      expect(seconds).toBeLessThan(60);
      for (const { position, user } of few) health = fails(health, position, { user });
      expect(health.down).toBeNull();
    },
  );

  it('ends none while there are enough for a streak', () => {
    expect(worn(goesDown(), failure(many)).health.down).not.toBeNull();
  });

  it('is not taken from what was in flight', () => {
    const { health, now } = worn(goesDown(), (probing, now) => goesDown(unreachable, now, probing));
    expect(failure([])(health, now).down).not.toBeNull();
  });

  it.each([
    ['an outage', unreachable],
    ['a limit', throttled(null)],
  ])('is something else than what speaks for the account: %s', (_, outcome) => {
    expect(worn(goesDown(), (probing, now) => goesDown(outcome, now, probing)).health.down).not.toBeNull();
  });
});

describe('Retry-After', () => {
  it('keeps the destination closed until it is over, whatever is heard meanwhile', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.constantFrom('success', 'failure', 'shorter')),
        (s, heard) => {
          const until = 1_000 + s * 1_000;
          let health = goesDown(throttled(s * 1_000), 1_000);
          heard.forEach((what, index) => {
            const now = 1_000 + index;
            if (what === 'success') health = succeeded(health, now);
            else if (what === 'failure') health = fails(health, index, { now });
            else health = goesDown(throttled(5), now, health);
          });
          expect(maySend(health, until - 1)).toBe('no');
          expect(maySend(health, until + 36_000)).toBe('probe');
          expect(succeeded(health, until).down).toBeNull();
        },
      ),
    );
  });

  it('waits for a Retry-After that is heard when it is down for another reason, and says so', () => {
    const health = goesDown(throttled(20_000), 100, goesDown(unreachable, 0));
    expect(health.down).toMatchObject({ reason: 'throttled', probeAt: 20_100, since: 100 });
    expect(health.down).toMatchObject({ failure: { errorClass: 'http_429' } });
    expect(goesDown(throttled(0), 100, goesDown(unreachable, 0)).down).toMatchObject({
      reason: 'destination_down',
      since: 0,
    });
  });

  it('is obeyed from an answer to what was in flight, when it is longer', () => {
    const health = goesDown(throttled(20_000), 100, goesDown(throttled(1_000), 0));
    expect(maySend(health, 20_099)).toBe('no');
    expect(maySend(health, 20_100)).toBe('probe');
  });

  it.each([
    ['negative', -5_000, 600],
    ['zero', 0, 600],
    ['a day', 86_400_000, 3_600_600],
  ])('is bounded: %s', (_, ms, latest) => {
    const health = goesDown(throttled(ms));
    expect(maySend(health, 399)).toBe('no');
    expect(maySend(health, latest)).toBe('probe');
  });
});
