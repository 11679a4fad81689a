import type { Mutation } from './mutation.ts';

const inFile = (file: string, mutations: readonly Omit<Mutation, 'file'>[]): Mutation[] =>
  mutations.map((mutation) => ({ file, ...mutation }));

/** Mistakes in the order of a user's events, in waits and in what is known of the destination. */
export const orderMutations: readonly Mutation[] = [
  ...inFile('lane-order.ts', [
    {
      name: `a user's events run side by side`,
      from: `this.#followerCount += tasks.length;
      if (chain.active.length === 0) this.#start(chain);`,
      to: `this.#followerCount += tasks.length;
      this.#start(chain);`,
    },
    {
      name: 'the next event starts while a sharer of the request is open',
      from: `if (entry.due) this.#dueCount--;
    if (chain.active.length === 0) this.#start(chain);`,
      to: `if (entry.due) this.#dueCount--;
    this.#start(chain);`,
    },
    {
      name: 'followers join the request of one action of several',
      from: 'if (this.#actions.length === 1) most = ',
      to: 'most = ',
    },
    {
      name: 'a request grows again beyond what its first delivery allows',
      from: 'if (batch.length >= together) break;\n      most = together;\n      queue.shift();',
      to: 'if (batch.length >= limit) break;\n      queue.shift();',
    },
    {
      name: 'what comes back goes behind those that followed it',
      from: 'chain.followers.first.entry.position < task.entry.position',
      to: 'chain.followers.first.entry.position > task.entry.position',
    },
    {
      name: 'who shared the request of a set aside event is not stopped',
      from: 'for (const entry of chain.active) this.#halted.add(entry);',
      to: '',
      under: {
        batchSize: 3,
        actions: ['a'],
        judged: 'each',
        wholeRequest: 0,
        failing: 0.6,
        calmAt: 120_000,
      },
    },
    {
      name: 'an order key counts as free with one row left',
      from: 'if (left === 0) this.#waiting.delete(orderKey);',
      to: 'if (left <= 1) this.#waiting.delete(orderKey);',
    },
    {
      name: 'strict keeps only the order of each user',
      from: `this.#orderBy === 'strict' ? '*'`,
      to: `this.#orderBy === 'strict' ? event.orderKey`,
    },
    {
      name: 'what is behind an older event of its request is judged by itself',
      from: 'if (chain?.active[0] !== entry) return true;',
      to: 'if (chain === undefined) return true;',
    },
    {
      name: 'a chosen probe still counts as ready',
      from: `this.#readyCount--;
        return [queue.takeAt(place)!];`,
      to: 'return [queue.takeAt(place)!];',
    },
    {
      name: 'an order key is forgotten with its first event',
      from: 'if (chain.active.length === 0) this.#chains.delete(entry.orderKey);',
      to: 'this.#chains.delete(entry.orderKey);',
    },
  ]),
  ...inFile('health.ts', [
    { name: 'four events make a streak', from: 'streakEvents = 5', to: 'streakEvents = 4' },
    { name: 'six events make a streak', from: 'streakEvents = 5', to: 'streakEvents = 6' },
    { name: 'one user makes a streak', from: 'streakUsers = 2', to: 'streakUsers = 1' },
    {
      name: 'one event makes a streak alone',
      from: '?.events).set(position, user);',
      to: '?.events).set(position + Math.random(), user);',
    },
    {
      name: 'a streak survives a success',
      from: 'if (health.down === null || now >= health.down.closedUntil) return healthy;',
      to: `if (health.down === null) return health;
  if (now >= health.down.closedUntil) return healthy;`,
    },
    {
      name: 'a streak ends with the slice',
      from: '[...streaks].slice(-keptKinds)',
      to: '[...streaks].slice(streaks.size)',
    },
    {
      name: 'an outage of another kind ends a streak',
      from: 'goDown(health.streaks, params)',
      to: 'goDown(new Map(), params)',
    },
    {
      name: 'what an outage has refused is at fault although nothing was taken since',
      from: 'return health.down !== null || health',
      to: 'return health',
    },
    {
      name: 'a success opens what asked to be left alone',
      from: 'if (health.down === null || now >= health.down.closedUntil) return healthy;',
      to: 'return healthy;',
    },
    {
      name: 'a probe leaves without a wait',
      from: 'return health.down.probing || now < health.down.probeAt ?',
      to: 'return health.down.probing ?',
    },
    {
      name: 'Retry-After is not waited for',
      from: 'const probeAt = Math.max(next.down.probeAt, until);',
      to: 'const probeAt = next.down.probeAt;',
    },
    {
      name: 'a shorter Retry-After takes the place of a longer one',
      from: 'const probeAt = Math.max(next.down.probeAt, until);',
      to: 'const probeAt = until;',
    },
    {
      name: 'a lane that was held forgets its Retry-After',
      from: 'const probeAt = now + Math.max(firstWaitMs, closedForMs);',
      to: 'const probeAt = now + firstWaitMs;',
    },
    {
      name: 'who takes the lane next does not know of a Retry-After',
      from: `if (until <= now || down.reason === 'throttled') return`,
      to: 'return',
      under: {
        outages: [{ from: 50, to: 20_000, kind: 'mixed' }],
        retryAfters: [5_000],
        concurrency: 8,
        calmAt: 30_000,
      },
    },
    {
      name: 'answers to what was in flight lengthen the wait',
      from: 'if (down === null || !down.probing) return health;',
      to: 'if (down === null) return health;',
    },
    {
      name: 'one refused event ends an outage of refusals',
      from: `if (refused) return down.reason !== 'destination_refuses';`,
      to: `if (refused) return true;`,
      under: {
        to: null,
        cancelAt: null,
        canary: null,
        outages: [{ from: 0, to: 200_000, kind: 'forbidden' }],
        calmAt: 200_000,
      },
    },
    {
      name: 'a first refusal or failure ends an outage',
      from: 'if (!down.probing || down.waitMs < maxWaitMs) return false;',
      to: 'if (!down.probing) return false;',
    },
    {
      name: 'a refusal never ends an outage',
      from: `if (refused) return down.reason !== 'destination_refuses';`,
      to: `if (refused) return false;`,
    },
    {
      name: 'a failure never ends an outage, however little is left of it',
      from: 'if (isLong(all)) return false;',
      to: 'return false;',
    },
    {
      name: 'a failure ends an outage of as many as there are',
      from: 'if (isLong(all)) return false;',
      to: '',
      under: { cancelAt: null, outages: [{ from: 0, to: 200_000, kind: 'error' }], calmAt: 200_000 },
    },
    {
      name: 'a failed probe still counts as under way',
      from: 'waitMs, probeAt, probing: false } };',
      to: 'waitMs, probeAt } };',
    },
  ]),
  ...inFile('retry.ts', [
    {
      name: 'a delivery is given up after a minute',
      from: 'ageMs >= retryForMs',
      to: 'ageMs >= 60_000',
    },
    { name: 'a delivery is never given up', from: 'ageMs >= retryForMs', to: 'false' },
    {
      name: 'a delivery is given up by its age alone',
      from: '(ageMs >= retryForMs && rounds >= retryRounds)',
      to: 'ageMs >= retryForMs',
    },
    {
      name: 'a delivery is given up one round too early',
      from: 'rounds >= retryRounds',
      to: 'rounds >= retryRounds - 1',
      under: { pauses: [{ at: 60_000, forMs: 3 * 60 * 60_000 }] },
    },
  ]),
  ...inFile('retry-queue.ts', [
    {
      name: 'the soonest try is taken out with those that are due',
      from: `count < 0 ? this.#items.length : count).map`,
      to: 'this.#items.length).map',
    },
    {
      name: 'what is set aside for room is tried as well',
      from: 'if (own.length > 0) this.#items = this.#items.filter((item) => item.task.entry !== entry);',
      to: '',
    },
  ]),
  ...inFile('brakes.ts', [
    {
      name: 'a resume past refusals does not let them pass',
      from: 'return released.some((reason) => own.includes(reason));',
      to: 'return released.length < own.length - 3;',
    },
  ]),
  ...inFile('ready-queue.ts', [
    {
      name: 'a delivery is lost when the last one takes its place',
      from: 'this.#heap[place] = last;',
      to: 'this.#heap[place] = this.#heap[0]!;',
    },
  ]),
  ...inFile('fifo.ts', [
    {
      name: 'what is put first takes the place of another',
      from: 'if (this.#head > 0) this.#items[--this.#head] = item;',
      to: 'if (this.#head > 0) this.#items[this.#head] = item;',
    },
  ]),
];
