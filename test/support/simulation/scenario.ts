import type { LaneOptions } from '../../../src/core/lane-types.ts';
import { Random } from './random.ts';

/**
 * What lies in store for one delivery: `poison` is refused and `broken` fails however often it is tried, `malformed`
 * cannot be mapped, `untriggered` does not concern the action, `had` was delivered by another run, `elsewhere` waits
 * in one.
 */
export type Trait = 'fine' | 'poison' | 'broken' | 'malformed' | 'untriggered' | 'had' | 'elsewhere';

export interface SimEvent {
  readonly position: number;
  readonly user: string;
  /** When it is in the archive. */
  readonly arrivesAt: number;
  readonly traits: Readonly<Record<string, Trait>>;
}

export interface Outage {
  readonly from: number;
  readonly to: number;
  readonly kind: 'unreachable' | 'unauthorized' | 'error' | 'forbidden' | 'throttled';
}

/** One history to be lived through; plain data, so that it can be printed, made smaller and lived again. Times in ms. */
export interface Scenario {
  readonly seed: number;
  readonly events: readonly SimEvent[];
  readonly actions: readonly string[];
  readonly orderBy: LaneOptions['orderBy'];
  readonly mode: 'missing' | 'all' | 'failed';
  readonly batchSize: number;
  readonly concurrency: number;
  readonly pageSize: number;
  readonly unsentLimit: number;
  readonly windowLimit: number;
  readonly keysPerRead: number;
  readonly eventsPerKey: number;
  readonly sliceMs: number;
  /** Probabilities until `calmAt`. */
  readonly failing: number;
  readonly wholeRequest: number;
  readonly answerLost: number;
  readonly takenThenFailed: number;
  readonly throttling: number;
  readonly notSent: number;
  readonly commitTwice: number;
  readonly retryAfterMs: number | null;
  readonly outages: readonly Outage[];
  /** Milliseconds that a user's requests take. */
  readonly slow: Readonly<Record<string, number>>;
  readonly crashes: readonly number[];
  /** When a slice is told to stop: it drains what is in flight, commits and leaves. */
  readonly stops: readonly number[];
  /** Whether the caller allows less than a full batch now and then. */
  readonly paced: boolean;
  /** From here on nothing goes wrong but poison, broken and slow events. */
  readonly calmAt: number;
}

/** The history of a seed. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const actions = random.chance(0.35) ? ['a', 'b'] : ['a'];
  const calmAt = random.pick([0, 5_000, 30_000, 120_000]);
  const users = Array.from({ length: random.pick([1, 2, 3, 6, 12]) }, (_, index) => `u${index}`);
  const slow = Object.fromEntries(
    users.filter(() => random.chance(0.1)).map((user) => [user, random.pick([500, 3_000, 20_000])]),
  );
  const rarely = (most: number) => (random.chance(0.4) ? random.next() * most : 0);
  return {
    seed,
    events: eventsOf(random, users, actions),
    actions,
    orderBy: random.pick(['user', 'user', 'user', 'user', 'strict', 'none']),
    mode: random.pick(['missing', 'missing', 'all', 'failed']),
    batchSize: random.pick([1, 1, 2, 3, 5]),
    concurrency: random.pick([1, 2, 4, 8]),
    pageSize: random.pick([1, 3, 10]),
    unsentLimit: random.pick([1, 4, 1_000, 1_000]),
    windowLimit: random.pick([2, 5, 20_000]),
    keysPerRead: random.pick([1, 3, 200]),
    eventsPerKey: random.pick([1, 3, 100]),
    // Long enough for all tries of a delivery: a slice forgets how often it has tried.
    sliceMs: random.pick([20_000, 120_000]) + 6 * Math.max(0, ...Object.values(slow)),
    failing: rarely(0.6),
    wholeRequest: rarely(0.3),
    answerLost: rarely(0.3),
    takenThenFailed: rarely(0.3),
    throttling: rarely(0.2),
    notSent: rarely(0.2),
    commitTwice: rarely(0.3),
    retryAfterMs: random.pick([null, 0, 700, 5_000, 40_000]),
    outages: outagesOf(random, calmAt),
    slow,
    crashes: momentsOf(random, calmAt),
    stops: momentsOf(random, calmAt),
    paced: random.chance(0.2),
    calmAt,
  };
}

function eventsOf(random: Random, users: readonly string[], actions: readonly string[]): SimEvent[] {
  const live = random.chance(0.3);
  const badness = random.pick([0, 0, 0.05, 0.3]);
  const known = random.pick([0, 0, 0.2]);
  let position = random.pick([0, 0, 8_185]);
  let arrivesAt = 0;
  return Array.from({ length: random.int(1, random.pick([5, 15, 40])) }, () => {
    position += random.chance(0.7) ? 1 : random.int(2, 4);
    if (random.chance(0.02)) position += 9_000;
    if (live) arrivesAt += random.pick([0, 0, 10, 2_000, 15_000]);
    const traits = actions.map((action) => [action, traitOf(random, badness, known)] as const);
    return { position, user: random.pick(users), arrivesAt, traits: Object.fromEntries(traits) };
  });
}

function traitOf(random: Random, badness: number, known: number): Trait {
  if (random.chance(known)) return random.pick(['untriggered', 'had', 'elsewhere']);
  if (random.chance(badness)) return random.pick(['poison', 'poison', 'malformed', 'broken']);
  return 'fine';
}

function outagesOf(random: Random, calmAt: number): Outage[] {
  if (calmAt === 0) return [];
  return Array.from({ length: random.pick([0, 0, 1, 1, 2, 4]) }, () => {
    const from = random.int(0, calmAt);
    const to = Math.min(calmAt, from + random.pick([300, 5_000, 60_000]));
    return {
      from,
      to,
      kind: random.pick(['unreachable', 'unauthorized', 'error', 'forbidden', 'throttled']),
    };
  });
}

/** Mostly while much is under way, sometimes in the long quiet between retries. */
function momentsOf(random: Random, calmAt: number): number[] {
  return Array.from({ length: random.pick([0, 0, 1, 2, 5]) }, () =>
    random.int(1, random.pick([200, 1_000, 20_000, Math.max(1_000, calmAt), 3_600_000])),
  );
}
