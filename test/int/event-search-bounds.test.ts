import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { EventFilter } from '../../src/core/event-filter.ts';
import type { Queryable } from '../../src/db/sql.ts';
import { sql } from '../../src/db/sql.ts';
import { searchEvents, type Search } from '../../src/db/search/search.ts';
import { sumUpChunks } from '../../src/db/search/summaries.ts';
import { testDatabase } from '../support/database.ts';
import { newSource } from '../support/events.ts';

const db = await testDatabase();
const [busy, rare] = [await newSource(db), await newSource(db)];
const count = 90_000;
/** Events of the last chunk, which is not full. */
const tail = count % 8_192;
const firstReceived = Date.UTC(2026, 0, 1);

// Everything is of one person but a few events near the start. Times of arrival rise by a second, give or take.
await db.run(sql`
  insert into event
  select n, at, null, at - interval '1 hour', case when n = 20000 then ${rare}::uuid else ${busy}::uuid end,
    'tracking_api', 'track', case when n = 3 then 'Rare' else 'Common' end,
    case when n % 9000 = 7 then 'seldom' else 'busy' end, 'a-' || n % 100, 'm-' || n, 0, true, null, '{}', '[]'
  from generate_series(1, ${count}) n,
    lateral (select ${new Date(firstReceived)}::timestamptz + make_interval(secs => n + n % 7) as at) clock`);
await db.rows(sql`select setval('event_position', ${count})`);

const at = (second: number) => new Date(firstReceived + second * 1_000).toISOString();

/** One request, with how many rows of the archive Postgres fetched for it. */
async function request(search: Partial<Search> & { filter: EventFilter }) {
  return await db.transaction(async (tx) => {
    const before = await fetched(tx);
    const found = await searchEvents(tx, { order: 'newest', limit: 50, ...search });
    const positions = found.events.map((event) => event.position);
    return { ...found, positions, rows: (await fetched(tx)) - before };
  });
}

async function fetched(tx: Queryable): Promise<number> {
  const [row] = await tx.rows<{ rows: number }>(sql`
    select sum(seq_tup_read + idx_tup_fetch)::bigint as rows from pg_stat_xact_user_tables where relname ~ '^event_p'`);
  return row!.rows;
}

/** Request after request to the end. */
async function requests(filter: EventFilter, order: Search['order'] = 'newest') {
  const all = [await request({ filter, order })];
  for (let last = all[0]!; last.more;) {
    last = await request({ filter, order, behind: last.through! });
    all.push(last);
  }
  return { positions: all.flatMap(({ positions }) => positions), rows: all.map(({ rows }) => rows) };
}

test('a rare name is looked for in a bounded part of the archive, and the next request goes on', async () => {
  const first = await request({ filter: { names: ['Rare'] } });
  expect(first).toMatchObject({ events: [], through: count - 50_000 + 1, more: true });
  expect(first.rows).toBeLessThanOrEqual(50_010);
  const { positions, rows } = await requests({ names: ['Rare'], messageIdPrefix: 'm' });
  expect(positions).toEqual([3]);
  expect(Math.max(...rows)).toBeLessThanOrEqual(50_010);
});

test('what cannot be in a chunk is not looked for in it', async () => {
  const times = { receivedFrom: at(20_000), receivedTo: at(20_010) };
  expect((await request({ filter: times, order: 'oldest' })).rows).toBeGreaterThan(15_000);
  await sumUpChunks(db);
  const byTime = await requests(times);
  expect(byTime.positions.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: count }, (_, index) => index + 1).filter((n) => {
      const second = n + (n % 7);
      return second >= 20_000 && second < 20_010;
    }),
  );
  expect(byTime.rows).toHaveLength(1);
  expect(byTime.rows[0]).toBeLessThanOrEqual(2 * 8_192 + 10);
  const byEvent = await requests({ timestampFrom: at(20_000 - 3_600), timestampTo: at(20_010 - 3_600) });
  expect(byEvent.positions).toEqual(byTime.positions);
  expect((await requests({ sources: [rare] })).positions).toEqual([20_000]);
  for (const filter of [
    { sources: [randomUUID()] },
    { origins: ['import' as const] },
    { types: ['alias' as const], users: ['seldom'] },
  ]) {
    const { positions, rows } = await requests(filter, 'oldest');
    expect(positions).toEqual([]);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toBeLessThanOrEqual(8_192 + 10); // the last chunk is not full yet
  }
});

test.each(['before', 'after'])(
  'people are found by their events alone, but for what is not listed yet, %s statistics',
  async (when) => {
    if (when === 'after') await db.run(sql`analyze event`);
    const seldom = await request({ filter: { users: ['seldom'] } });
    expect(seldom).toMatchObject({ more: false });
    expect(seldom.positions).toHaveLength(10);
    expect(seldom.rows).toBeLessThanOrEqual(tail + 100);
    expect((await request({ filter: { users: ['nobody', 'busy'] } })).rows).toBeLessThan(tail + 1_000);
    expect((await request({ filter: { users: ['a-5'] }, order: 'oldest', limit: 2 })).positions).toEqual([
      5, 105,
    ]);
    // One who did nearly everything, and something else that is rare.
    const first = await request({ filter: { users: ['busy'], names: ['Rare'] } });
    expect(first).toMatchObject({ events: [], more: true });
    expect(first.rows).toBeLessThanOrEqual(tail + 2_010);
    expect((await requests({ users: ['busy'], names: ['Rare'] })).positions).toEqual([3]);
  },
);
