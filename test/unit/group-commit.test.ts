import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createGroupCommit, type Committed } from '../../src/api/tracking/group-commit.ts';

interface Item {
  readonly id: number;
  readonly events: number;
  readonly bytes: number;
}

const maxGroup = { events: 10, bytes: 100 };

function harness(maxWaiting = { events: 1_000, bytes: 100_000 }) {
  const groups: Item[][] = [];
  const gates: { open: () => void; fail: () => void }[] = [];
  const commits = createGroupCommit<Item>({
    commit: (group) => {
      groups.push([...group]);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      gates.push({ open: resolve, fail: () => reject(new Error('no database')) });
      return promise;
    },
    weigh: ({ events, bytes }) => ({ events, bytes }),
    maxGroup,
    maxWaiting,
  });
  return { commits, groups, gates };
}

const item = (id: number, events = 1, bytes = 1): Item => ({ id, events, bytes });
const turn = () => new Promise(setImmediate);

test('what comes in during a commit makes the next group, one commit after another', async () => {
  const { commits, groups, gates } = harness();
  const answers = [commits.submit(item(1)), commits.submit(item(2))];
  await expect.poll(() => groups.length).toBe(1);
  answers.push(...[3, 4, 5].map((id) => commits.submit(item(id))));
  await turn();
  expect(groups.map((group) => group.map(({ id }) => id))).toEqual([[1, 2]]);
  gates[0]?.open();
  expect(await Promise.all(answers.slice(0, 2))).toEqual(['committed', 'committed']);
  await expect.poll(() => groups.length).toBe(2);
  gates[1]?.open();
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 5 }, () => 'committed'));
  expect(groups[1]?.map(({ id }) => id)).toEqual([3, 4, 5]);
});

test('a failed group tells each of its requests, and the next one goes on', async () => {
  const { commits, groups, gates } = harness();
  const first = [commits.submit(item(1)), commits.submit(item(2))];
  await expect.poll(() => groups.length).toBe(1);
  const second = commits.submit(item(3));
  gates[0]?.fail();
  expect(await Promise.all(first)).toEqual(['failed', 'failed']);
  await expect.poll(() => groups.length).toBe(2);
  gates[1]?.open();
  expect(await second).toBe('committed');
});

test('refuses what would wait beyond the limit, by events or by bytes', async () => {
  const { commits, groups, gates } = harness({ events: 5, bytes: 50 });
  const answers = [commits.submit(item(0))];
  await expect.poll(() => groups.length).toBe(1);
  answers.push(commits.submit(item(1, 3, 10)));
  expect(await commits.submit(item(2, 3, 10))).toBe('full');
  expect(await commits.submit(item(3, 1, 41))).toBe('full');
  answers.push(commits.submit(item(4, 2, 40)));
  gates[0]?.open();
  await expect.poll(() => groups.length).toBe(2);
  answers.push(commits.submit(item(5, 5, 50)));
  gates[1]?.open();
  await expect.poll(() => groups.length).toBe(3);
  gates[2]?.open();
  expect(await Promise.all(answers)).toEqual(['committed', 'committed', 'committed', 'committed']);
});

test('a submission beyond every limit goes alone when nothing waits', async () => {
  const { commits, groups, gates } = harness({ events: 5, bytes: 50 });
  const answer = commits.submit(item(1, 2_500, 9_999));
  await expect.poll(() => groups.length).toBe(1);
  gates[0]?.open();
  expect(await answer).toBe('committed');
});

test('closing ends what was taken up and refuses the rest', async () => {
  const { commits, groups, gates } = harness();
  const answers = [commits.submit(item(1))];
  await expect.poll(() => groups.length).toBe(1);
  answers.push(commits.submit(item(2)));
  let closed = false;
  const closing = commits.close().then(() => (closed = true));
  expect(await commits.submit(item(3))).toBe('failed');
  gates[0]?.open();
  await expect.poll(() => groups.length).toBe(2);
  expect(closed).toBe(false);
  gates[1]?.open();
  await closing;
  expect(await Promise.all(answers)).toEqual(['committed', 'committed']);
  await harness().commits.close();
});

test('whatever comes and however it ends: each once, in order, groups within their size', async () => {
  const submissions = fc.array(
    fc.record({
      events: fc.integer({ min: 0, max: 14 }),
      bytes: fc.integer({ min: 0, max: 140 }),
      pause: fc.boolean(),
      fails: fc.boolean(),
    }),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(submissions, async (list) => {
      const groups: Item[][] = [];
      const outcome = new Map<number, Committed>();
      let underWay = 0;
      const commits = createGroupCommit<Item>({
        commit: async (group) => {
          expect(++underWay).toBe(1);
          groups.push([...group]);
          await turn();
          underWay--;
          const fails = list[group[0]?.id ?? 0]?.fails === true;
          for (const { id } of group) outcome.set(id, fails ? 'failed' : 'committed');
          if (fails) throw new Error('no database');
        },
        weigh: ({ events, bytes }) => ({ events, bytes }),
        maxGroup,
        maxWaiting: { events: 10_000, bytes: 100_000 },
      });
      const answers: Promise<Committed>[] = [];
      for (const [id, { events, bytes, pause }] of list.entries()) {
        answers.push(commits.submit({ id, events, bytes }));
        if (pause) await turn();
      }
      expect(await Promise.all(answers)).toEqual(list.map((_, id) => outcome.get(id)));
      expect(groups.flat().map(({ id }) => id)).toEqual(list.map((_, id) => id));
      for (const group of groups) {
        const total = (of: 'events' | 'bytes') => group.reduce((sum, entry) => sum + entry[of], 0);
        expect(group.length === 1 || (total('events') <= 10 && total('bytes') <= 100)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});
