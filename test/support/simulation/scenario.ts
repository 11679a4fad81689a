import type { LaneOptions } from '../../../src/core/lane-types.ts';
import { Random } from './random.ts';

/**
 * What lies in store for one delivery: `poison` is refused and `broken` fails however often it is tried, `malformed`
 * cannot be mapped, `untriggered` does not concern the action, `had` was delivered by another run, `elsewhere` waits
 * in one, `unasked` is not what a retry of failures is about.
 */
export type Trait =
  'fine' | 'poison' | 'broken' | 'malformed' | 'untriggered' | 'had' | 'elsewhere' | 'unasked';

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
  readonly kind: 'unreachable' | 'unauthorized' | 'error' | 'forbidden' | 'throttled' | 'mixed';
}

/** Something that happens to one of the workers. */
export interface Mishap {
  readonly at: number;
  /** Null: whichever is at work. */
  readonly worker: number | null;
  /** Until it is back, or goes on. */
  readonly forMs: number;
}

/** One history to be lived through; plain data, so that it can be printed, made smaller and lived again. Times in ms. */
export interface Scenario {
  readonly seed: number;
  readonly events: readonly SimEvent[];
  readonly actions: readonly string[];
  /** Up to where the run's range reaches at first; null: a stream, to the head of the archive. */
  readonly to: number | null;
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
  /** A request takes its time to be written, or to arrive. */
  readonly delayed: number;
  /** What is asked of the database is not done, or done and the answer lost, or takes very long. */
  readonly dbFails: number;
  readonly dbAnswerLost: number;
  readonly dbHangs: number;
  /** While it is away nothing that it is asked is done. */
  readonly dbAway: readonly { readonly from: number; readonly to: number }[];
  /** What the destination may say in a Retry-After; null: it says none. */
  readonly retryAfters: readonly (number | null)[];
  readonly outages: readonly Outage[];
  /** Milliseconds that a user's requests take. */
  readonly slow: Readonly<Record<string, number>>;
  readonly crashes: readonly Mishap[];
  /** The worker stands still, and wakes up as a zombie if that is long. */
  readonly freezes: readonly Mishap[];
  /** The worker is told to stop: it drains what is in flight, commits and leaves. */
  readonly stops: readonly Mishap[];
  /** When a slice is begun beside one that is thought dead. */
  readonly doubles: readonly number[];
  /** Of the database's wall clock. */
  readonly clockJumps: readonly { readonly at: number; readonly byMs: number }[];
  readonly pauses: readonly { readonly at: number; readonly forMs: number }[];
  readonly extensions: readonly { readonly at: number; readonly to: number }[];
  readonly cancelAt: number | null;
  /** What is cancelled is, because its destination is deleted. */
  readonly deletes: boolean;
  /** So many events go first, and then the run goes on by itself or waits for a person. */
  readonly canary: { readonly events: number; readonly then: 'continue' | 'pause' } | null;
  /** How long a person takes to look at a run that paused itself. */
  readonly lookMs: number;
  /**
   * What becomes of a request with events at fault: `each` is judged by itself, the `whole` request fails, or it is
   * refused because of those that it has `named`, and of the others nothing is taken.
   */
  readonly judged: 'each' | 'whole' | 'named';
  /** Somebody is not to be sent to any more; null: for good. */
  readonly suppressions: readonly {
    readonly at: number;
    readonly user: string;
    readonly forMs: number | null;
  }[];
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
  const events = eventsOf(random, users, actions);
  return {
    seed,
    events,
    actions,
    ...laneOf(random),
    // Long enough for all tries of a delivery: a slice forgets how often it has tried.
    sliceMs: random.pick([20_000, 120_000]) + 12 * Math.max(0, ...Object.values(slow)),
    ...weatherOf(random, calmAt),
    slow,
    crashes: mishapsOf(random, calmAt, [100, 3_000, 30_000]),
    freezes: random.chance(0.35) ? mishapsOf(random, calmAt, [300, 4_000, 9_000, 30_000]) : [],
    stops: mishapsOf(random, calmAt, [0, 2_000]),
    doubles: random.chance(0.35) ? momentsOf(random, calmAt) : [],
    ...wishesOf(random, calmAt, events),
    calmAt,
  };
}

function laneOf(random: Random) {
  return {
    orderBy: random.pick<Scenario['orderBy']>(['user', 'user', 'user', 'user', 'strict', 'none']),
    mode: random.pick<Scenario['mode']>(['missing', 'missing', 'all', 'failed']),
    batchSize: random.pick([1, 1, 2, 3, 5]),
    concurrency: random.pick([1, 2, 4, 8]),
    pageSize: random.pick([1, 3, 10]),
    unsentLimit: random.pick([1, 4, 1_000, 1_000]),
    windowLimit: random.pick([2, 5, 20_000]),
    keysPerRead: random.pick([1, 3, 200]),
    eventsPerKey: random.pick([1, 3, 100]),
    paced: random.chance(0.2),
  };
}

/** What goes wrong in the destination and on the way to it and to the database. */
function weatherOf(random: Random, calmAt: number) {
  const rarely = (most: number) => (random.chance(0.4) ? random.next() * most : 0);
  return {
    judged: judgedBy(random.next()),
    failing: rarely(0.6),
    wholeRequest: rarely(0.3),
    answerLost: rarely(0.3),
    takenThenFailed: rarely(0.3),
    throttling: rarely(0.2),
    notSent: rarely(0.2),
    delayed: rarely(0.1),
    dbFails: rarely(0.1),
    dbAnswerLost: rarely(0.2),
    dbHangs: rarely(0.08),
    dbAway: random.chance(0.25) ? dbAwayOf(random, calmAt) : [],
    retryAfters: random.pick([
      [null],
      [0, -3],
      [700],
      [700, 5_000, null],
      [40_000],
      [5_000, 40_000, 20 * hour],
    ]),
    outages: outagesOf(random, calmAt),
  };
}

function judgedBy(chance: number): Scenario['judged'] {
  if (chance < 0.3) return 'whole';
  return chance < 0.45 ? 'named' : 'each';
}

/** What people want of the run, and what becomes of the clock. */
function wishesOf(random: Random, calmAt: number, events: readonly SimEvent[]) {
  const rarely = <T>(probability: number, list: () => T[]) => (random.chance(probability) ? list() : []);
  const anyPosition = () => random.pick(events).position;
  const isStream = random.chance(0.3);
  const extensions = rarely(0.2, () => momentsOf(random, calmAt).map((at) => ({ at, to: anyPosition() })));
  return {
    to: isStream ? null : extensions.length > 0 ? anyPosition() : events.at(-1)!.position,
    extensions: isStream ? [] : extensions,
    pauses: rarely(0.3, () =>
      momentsOf(random, calmAt).map((at) => ({ at, forMs: random.pick([10, 1_000, 20_000, 3 * hour]) })),
    ),
    lookMs: random.pick([500, 60_000]),
    canary: random.chance(0.15)
      ? { events: random.int(1, 6), then: random.pick(['continue', 'pause'] as const) }
      : null,
    cancelAt: random.chance(0.06) ? random.int(1, random.pick([500, 20_000, 200_000])) : null,
    deletes: random.chance(0.5),
    suppressions: rarely(0.2, () =>
      momentsOf(random, calmAt).map((at) => ({
        at,
        user: random.pick(events).user,
        forMs: random.pick([300, 20_000, null]),
      })),
    ),
    clockJumps: rarely(0.12, () =>
      momentsOf(random, calmAt).map((at) => ({ at, byMs: random.pick([-hour, -9_000, 9_000, hour]) })),
    ),
  };
}

const hour = 3_600_000;

function eventsOf(random: Random, users: readonly string[], actions: readonly string[]): SimEvent[] {
  const live = random.chance(0.3);
  const badness = random.pick([0, 0, 0.05, 0.3]);
  const known = random.pick([0, 0, 0.2]);
  // Of users who all do the same, that is refused of everyone.
  const inStep = random.chance(0.1) ? random.int(0, 3) : null;
  const done = new Map<string, number>();
  let position = random.pick([0, 0, 8_185]);
  let arrivesAt = 0;
  // Each takes four hours of tries: more than one or two show nothing new.
  let broken = random.pick([0, 0, 0, 0, 0, 0, 1, 2]);
  let before: { user: string; broken: boolean } | null = null;
  return Array.from({ length: random.int(1, random.pick([5, 15, 40])) }, () => {
    position += random.chance(0.7) ? 1 : random.int(2, 4);
    if (random.chance(0.02)) position += 9_000;
    if (live) arrivesAt += random.pick([0, 0, 10, 2_000, 15_000]);
    // What is at fault right behind what fails for long may share its requests.
    const follows = before?.broken === true && random.chance(0.4);
    const traits = actions.map((action): [string, Trait] => {
      if (broken > 0 && random.chance(0.2) && broken-- > 0) return [action, 'broken'];
      return [action, follows ? 'poison' : traitOf(random, badness, known)];
    });
    const user = follows ? before!.user : random.pick(users);
    const step = done.get(user) ?? 0;
    done.set(user, step + 1);
    if (step === inStep) for (const one of traits) one[1] = 'poison';
    before = { user, broken: traits.some(([, trait]) => trait === 'broken') };
    return { position, user, arrivesAt, traits: Object.fromEntries(traits) };
  });
}

function traitOf(random: Random, badness: number, known: number): Trait {
  if (random.chance(known)) return random.pick(['untriggered', 'had', 'elsewhere', 'unasked']);
  if (random.chance(badness)) return random.pick(['poison', 'poison', 'malformed']);
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
      kind: random.pick(['unreachable', 'unauthorized', 'error', 'forbidden', 'throttled', 'mixed', 'mixed']),
    };
  });
}

function dbAwayOf(random: Random, calmAt: number) {
  return momentsOf(random, calmAt).map((from) => ({ from, to: from + random.pick([3_000, 8_000, 30_000]) }));
}

function mishapsOf(random: Random, calmAt: number, lengths: readonly number[]): Mishap[] {
  return momentsOf(random, calmAt).map((at) => ({
    at,
    worker: random.pick([null, null, null, 0, 1]),
    forMs: Math.round(random.pick(lengths) * (0.5 + random.next())),
  }));
}

/** Mostly while much is under way, sometimes in the long quiet between retries. */
function momentsOf(random: Random, calmAt: number): number[] {
  return Array.from({ length: random.pick([0, 0, 1, 2, 5]) }, () =>
    random.int(1, random.pick([200, 1_000, 20_000, Math.max(1_000, calmAt), 3_600_000])),
  );
}
