import type { Mutation } from './mutation.ts';

const inFile = (file: string, mutations: readonly Omit<Mutation, 'file'>[]): Mutation[] =>
  mutations.map((mutation) => ({ file, ...mutation }));

/** Mistakes in who may work a lane, in what is said of a run, in what goes first, and in how fast it goes. */
export const clockMutations: readonly Mutation[] = [
  ...inFile('slice-stop.ts', [
    {
      name: 'the time of a slice cuts off what is under way',
      from: "patienceMs) this.#kind = 'more';",
      to: "patienceMs) this.hurry('more', now);",
      under: { slow: { u0: 20_000, u1: 20_000 }, sliceMs: 20_000 },
    },
    {
      name: 'a slice that is closed never ends',
      from: 'return !isSending || cuts ? this.#kind : null;',
      to: 'return cuts ? this.#kind : null;',
    },
    {
      name: 'a slice that is hurried goes on sending',
      from: 'this.#kind ??= kind;',
      to: '',
    },
  ]),
  ...inFile('lease.ts', [
    {
      name: 'a lease is taken one renewal too early',
      from: 'return now - since >= leaseMs;',
      to: 'return now - since >= leaseMs - 1_000;',
    },
    {
      name: 'a holder who renews is taken for dead',
      from: 'if (before === null || before.renewals !== renewals) {',
      to: 'if (before === null) {',
    },
    {
      name: 'a lease is taken at the second look',
      from: 'return now - since >= leaseMs;',
      to: 'return true;',
    },
    {
      name: 'a lease that stands still is never taken',
      from: 'return now - since >= leaseMs;',
      to: 'return false;',
    },
    {
      name: 'people see a lease end before its holder does',
      from: 'leaseSeenLiveMs = 6_000',
      to: 'leaseSeenLiveMs = 1_000',
    },
  ]),
  ...inFile('replay-status.ts', [
    {
      name: 'a pause is true as soon as it is asked for',
      from: 'lane.leaseLive && lane.leaseRevision < facts.revision',
      to: 'lane.leaseRevision > facts.revision',
    },
    {
      name: 'a wish is confirmed by the one before',
      from: 'lane.leaseRevision < facts.revision',
      to: 'lane.leaseRevision < facts.revision - 1',
    },
  ]),
  ...inFile('canary.ts', [
    {
      name: 'the canary is one event too large',
      from: 'if (left <= 0) return {',
      to: 'if (left < 0) return {',
    },
    {
      name: 'the canary begins anew with each slice',
      from: ' - sentOf(counts)',
      to: '',
    },
    {
      name: 'the canary does not count what is under way',
      from: ' - open',
      to: '',
    },
    {
      name: 'the canary does not count what is settled above the mark',
      from: ' - sentOf(ahead)',
      to: '',
    },
    {
      name: 'the canary counts what the destination had and nothing else of it was sent',
      from: `'delivered', 'invalid'];`,
      to: `'delivered', 'invalid', 'alreadyDelivered'];`,
    },
  ]),
  ...inFile('budget.ts', [
    {
      name: 'two holders get the same block',
      from: 'const next = { ...books, nextAt: from + size.lengthMs };',
      to: 'const next = { ...books, nextAt: from };',
      shows: 'pace',
    },
    {
      name: 'a pace of its own is not kept beside the budget',
      from: 'paceMs: events * paceMs * stretched,',
      to: 'paceMs: 0,',
      shows: 'pace',
    },
  ]),
];
