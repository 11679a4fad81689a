// How soon `GET /api/events` finds what it is asked for in a large archive, filter by filter, and what each index that
// would help costs the append.
//   node bench/search.ts [events] [timesAsked] [rounds] [eventsPerRound] [databaseUrl]
// With a URL: of an archive that was filled by an earlier run and stopped before the cost of the indexes.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database } from '../src/db/database.ts';
import { migrate } from '../src/db/migrate.ts';
import { searchEvents } from '../src/db/search/search.ts';
import { sumUpChunks } from '../src/db/search/summaries.ts';
import { sql } from '../src/db/sql.ts';
import { startPostgres } from '../src/dev/postgres.ts';
import { cpuSeconds } from './replays.ts';
import { median, report, say } from './rig.ts';
import { fillArchive } from './search-archive.ts';
import { costOfIndexes, createCandidates } from './search-ingest.ts';
import { questionsOf, type Question } from './search-queries.ts';

const [events, times, rounds, perRound] = [10_000_000, 30, 4, 10_000].map((usual, index) =>
  Number(process.argv[index + 2] ?? usual),
) as [number, number, number, number];
const given = process.argv[6];

if (given === undefined) {
  const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-'));
  await chmod(folder, 0o755);
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
  try {
    await migrate(postgres.url);
    await withDatabase(postgres.url, 2, async (db) => {
      await fillArchive(db, events);
      await db.run(sql`vacuum (analyze) event`);
    });
    await measure(postgres.url);
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
} else await measure(given);

async function measure(url: string): Promise<void> {
  await withDatabase(url, 1, async (db) => {
    const [backend] = await db.rows<{ pid: number }>(sql`select pg_backend_pid() as pid`);
    const pid = backend!.pid;
    const summing = await cpuSeconds([pid]);
    await sumUpChunks(db);
    const summaryCpuMicros = (((await cpuSeconds([pid])) - summing) * 1e6) / events;
    const asked: Record<string, unknown> = {};
    for (const [name, question] of Object.entries(questionsOf(events))) {
      asked[name] = await ask(db, pid, question);
      say({ name, ...(asked[name] as object) });
    }
    const sizes = await db.rows<{ name: string; megabytes: number }>(sql`
      select root.relname as name, sum(pg_relation_size(part.relid))::bigint / 1048576 as megabytes
      from pg_class root, lateral (
        select relid from pg_partition_tree(root.oid) union select root.oid) part
      where root.relname in ('event', 'event_pkey', 'archive_person', 'archive_person_pkey') group by 1`);
    await createCandidates(db);
    const ingest = await costOfIndexes(db, rounds, perRound);
    await report('search', { events, times, asked, sizes, summaryCpuMicros, rounds, perRound, ingest });
  });
}

/** Each question twice: with values that nobody asked for before, and again. Milliseconds of the first page of 50. */
async function ask(db: Database, pid: number, question: Question) {
  const draw = drawing(7);
  const filters = Array.from({ length: times }, () => question(draw));
  const first = await askAll(db, pid, filters);
  const again = await askAll(db, pid, filters);
  return { first, again };
}

async function askAll(db: Database, pid: number, filters: readonly ReturnType<Question>[]) {
  const took: number[] = [];
  let found = 0;
  let whole = 0;
  const cpuBefore = await cpuSeconds([pid]);
  for (const filter of filters) {
    const begun = performance.now();
    const page = await searchEvents(db, { filter, order: 'newest', limit: 50 });
    took.push(performance.now() - begun);
    found += page.events.length;
    if (page.events.length === 50 || !page.more) whole++;
  }
  const sorted = took.toSorted((left, right) => left - right);
  return {
    p50: Number(median(took).toFixed(1)),
    p95: Number(sorted[Math.floor(sorted.length * 0.95)]!.toFixed(1)),
    /** CPU time of Postgres' backend for a request, in milliseconds. */
    cpu: Number(((((await cpuSeconds([pid])) - cpuBefore) * 1_000) / filters.length).toFixed(1)),
    events: found / filters.length,
    /** Part of the requests that needed no second one. */
    whole: whole / filters.length,
  };
}

/** The same numbers from 0 to 1 in each run. Source: mulberry32. */
function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function withDatabase(
  url: string,
  maxConnections: number,
  work: (db: Database) => Promise<void>,
): Promise<void> {
  const db = openDatabase({ url, name: 'bench', maxConnections, queryTimeoutMs: 3_600_000 });
  try {
    await work(db);
  } finally {
    await db.close();
  }
}
