import fc from 'fast-check';
import { expect, test } from 'vitest';
import { takesEvent, type EventFilter } from '../../src/core/event-filter.ts';
import { searchEvents, type Search } from '../../src/db/search/search.ts';
import { sumUpChunks } from '../../src/db/search/summaries.ts';
import { testDatabase } from '../support/database.ts';
import {
  allEvents,
  anyFilter,
  appendAny,
  buryEvents,
  isWanted,
  searchedSources,
} from '../support/searched-archive.ts';

const db = await testDatabase();
const sources = await searchedSources(db);
const count = 2_500;
await appendAny(db, sources, 0, count - 400);
await sumUpChunks(db);
await appendAny(db, sources, count - 400, 400); // not summed up
expect(await buryEvents(db, "o'clock")).toBeGreaterThan(100);

const anySearch = fc.record({
  filter: anyFilter(sources, count),
  order: fc.constantFrom('newest', 'oldest'),
  limit: fc.constantFrom(17, 60, 200),
  positions: fc.constantFrom(30_000, 50_000),
});

/** Page after page to the end. @param between what happens after the first page */
async function searchAll(search: Search, between: () => Promise<void> = async () => undefined) {
  const positions: number[] = [];
  let behind: { behind: number } | undefined;
  for (let page = 0; ; page++) {
    const { events, through, more } = await searchEvents(db, { ...search, ...behind });
    expect(events.length).toBeLessThanOrEqual(search.limit);
    positions.push(...events.map((event) => event.position));
    if (!more) return positions;
    behind = { behind: through! };
    if (page === 0) await between();
  }
}

const inOrder = (order: Search['order'], positions: readonly number[]) =>
  positions.toSorted((left, right) => (order === 'newest' ? right - left : left - right));

test('finds what a plain look at every event finds, in order, whatever is asked and however it is paged', async () => {
  const events = await allEvents(db);
  let found = 0;
  await fc.assert(
    fc.asyncProperty(anySearch, async (search) => {
      const wanted = events.filter((event) => isWanted(search.filter, event));
      found += wanted.length;
      expect(events.filter((event) => takesEvent(search.filter, event))).toEqual(wanted);
      const positions = wanted.map((event) => event.position);
      expect(await searchAll(search)).toEqual(inOrder(search.order, positions));
    }),
    { numRuns: 30 },
  );
  expect(found).toBeGreaterThan(100);
});

test('neither skips nor repeats while events come in', async () => {
  let next = count;
  await fc.assert(
    fc.asyncProperty(anySearch, async (search) => {
      const before = (await allEvents(db)).filter((event) => isWanted(search.filter, event));
      const positions = await searchAll({ ...search, positions: 30_000 }, async () => {
        await appendAny(db, sources, next, 40);
        next += 40;
      });
      const after = (await allEvents(db)).filter((event) => isWanted(search.filter, event));
      const wanted = search.order === 'newest' ? before : after;
      expect(positions).toEqual(
        inOrder(
          search.order,
          wanted.map((event) => event.position),
        ),
      );
    }),
    { numRuns: 6 },
  );
});

test('a messageId is found, of every source that used it', async () => {
  const [first] = await allEvents(db);
  const filter: EventFilter = { messageId: first!.messageId };
  expect(await searchAll({ filter, order: 'newest', limit: 10 })).toEqual([first!.position]);
});
