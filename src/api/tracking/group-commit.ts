/** How one submission ended: committed, not committed as far as we know, or not taken up because too much waits. */
export type Committed = 'committed' | 'failed' | 'full';

export interface GroupCommit<T> {
  /** Takes one submission up and answers when its group has ended. */
  submit(item: T): Promise<Committed>;
  /** What waits, without the group whose commit is under way. */
  waiting(): Weight;
  /** Takes nothing up any more, and ends when all that was taken up has ended. */
  close(): Promise<void>;
}

/** How much a submission weighs. */
export interface Weight {
  readonly events: number;
  readonly bytes: number;
}

export interface GroupCommitOptions<T> {
  /** Commits a group as one. @throws when it failed */
  readonly commit: (group: readonly T[]) => Promise<void>;
  readonly weigh: (item: T) => Weight;
  /** Where a group ends; a submission that is heavier goes alone. */
  readonly maxGroup: Weight;
  /** What may wait. */
  readonly maxWaiting: Weight;
}

interface Entry<T> {
  readonly item: T;
  readonly weight: Weight;
  readonly settle: (how: Committed) => void;
}

/**
 * One commit is under way at a time; what comes in meanwhile makes the next group. So a lone request waits for nobody,
 * and under load a commit's cost is shared by all that came in during the one before.
 */
export function createGroupCommit<T>(options: GroupCommitOptions<T>): GroupCommit<T> {
  let waiting: Entry<T>[] = [];
  let waitingWeight: Weight = { events: 0, bytes: 0 };
  let working: Promise<void> | null = null;
  let closed = false;

  const work = async () => {
    await new Promise(setImmediate); // requests of one turn of the event loop share a group
    while (waiting.length > 0) {
      const group = waiting.splice(0, groupLength(waiting, options.maxGroup));
      for (const { weight } of group) waitingWeight = difference(waitingWeight, weight);
      const how = await options.commit(group.map(({ item }) => item)).then(
        () => 'committed' as const,
        () => 'failed' as const,
      );
      for (const { settle } of group) settle(how);
    }
    working = null;
  };

  return {
    submit: (item) => {
      const weight = options.weigh(item);
      const total = sum(waitingWeight, weight);
      if (closed) return Promise.resolve('failed');
      if (waiting.length > 0 && exceeds(total, options.maxWaiting)) return Promise.resolve('full');
      const { promise, resolve } = Promise.withResolvers<Committed>();
      waiting.push({ item, weight, settle: resolve });
      waitingWeight = total;
      working ??= work();
      return promise;
    },
    waiting: () => waitingWeight,
    close: async () => {
      closed = true;
      await working;
    },
  };
}

function groupLength<T>(waiting: readonly Entry<T>[], maxGroup: Weight): number {
  let total: Weight = { events: 0, bytes: 0 };
  for (const [index, { weight }] of waiting.entries()) {
    total = sum(total, weight);
    if (exceeds(total, maxGroup)) return Math.max(index, 1);
  }
  return waiting.length;
}

function exceeds(weight: Weight, limit: Weight): boolean {
  return weight.events > limit.events || weight.bytes > limit.bytes;
}

function sum(left: Weight, right: Weight): Weight {
  return { events: left.events + right.events, bytes: left.bytes + right.bytes };
}

function difference(left: Weight, right: Weight): Weight {
  return { events: left.events - right.events, bytes: left.bytes - right.bytes };
}
