import { hash, randomUUID } from 'node:crypto';
import { readEvent, type NewEvent } from '../src/core/new-event.ts';
import { appendEvents } from '../src/db/archive/append.ts';
import type { Database } from '../src/db/database.ts';
import { sql, type Statement } from '../src/db/sql.ts';
import { cpuSeconds } from './replays.ts';
import { median, say } from './rig.ts';
import { sourceIds } from './search-archive.ts';

/** Indexes that were thought of. None was taken: all are made for the measurement. */
const candidates: Readonly<Record<string, string>> = {
  bench_user: 'event (user_id, position) where user_id is not null',
  bench_anonymous: 'event (anonymous_id, position) where anonymous_id is not null',
  bench_name: 'event (name, position) where name is not null',
  bench_message: 'event (message_id text_pattern_ops)',
};
/** The first is what all are compared with. */
const variants: Readonly<Record<string, readonly string[]>> = {
  none: [],
  ...Object.fromEntries(Object.keys(candidates).map((name) => [name, [name]])),
  people: ['bench_user', 'bench_anonymous'],
  all: Object.keys(candidates),
};

const batch = 500;
const warmUpRounds = 10;

interface Round {
  readonly perSecond: number;
  /** CPU time of Postgres' backend for an event. */
  readonly cpuMicros: number;
  /** Bytes of write-ahead log for an event. */
  readonly walBytes: number;
}

/** Makes the candidates that are not there. */
export async function createCandidates(db: Database): Promise<void> {
  for (const [name, on] of Object.entries(candidates))
    await db.run({ ...sql``, text: `create index if not exists ${name} on ${on}` });
}

/**
 * What each candidate costs the append: the same batches through the real append with one index after another being
 * kept up, in turns. An index is left out by telling Postgres that it takes no rows, so that all rounds have the same
 * archive; afterwards the indexes lack what came in, so the archive is of no more use.
 * @param db of one connection
 */
export async function costOfIndexes(db: Database, rounds: number, events: number) {
  const [backend] = await db.rows<{ pid: number }>(sql`select pg_backend_pid() as pid`);
  const results = new Map<string, Round[]>(Object.keys(variants).map((name) => [name, []]));
  await keepUp(db, Object.keys(candidates));
  await db.run(sql`checkpoint`);
  // The first write to a page after a checkpoint logs the whole page, which a busy archive does once in many events.
  await appendRound(db, backend!.pid, events * warmUpRounds);
  for (let round = 0; round < rounds; round++) {
    for (const [name, kept] of Object.entries(variants)) {
      await keepUp(db, kept);
      const measured = await appendRound(db, backend!.pid, events);
      results.get(name)!.push(measured);
      say({ round, name, ...measured });
    }
  }
  const base = results.get('none')!;
  return Object.fromEntries(
    [...results].map(([name, list]) => [
      name,
      {
        throughputRatio: ratio(list.map((one, index) => one.perSecond / base[index]!.perSecond)),
        cpuRatio: ratio(list.map((one, index) => one.cpuMicros / base[index]!.cpuMicros)),
        cpuMicros: Math.round(median(list.map((one) => one.cpuMicros))),
        walBytes: Math.round(median(list.map((one) => one.walBytes))),
      },
    ]),
  );
}

const ratio = (list: readonly number[]) => Number(median(list).toFixed(3));

/** Lets only these of the candidates take new rows. */
async function keepUp(db: Database, kept: readonly string[]): Promise<void> {
  const all = Object.keys(candidates);
  await db.run(sql`
    update pg_index i set indisready = root.relname = any(${kept}::text[]) ${ofCandidates(all)}`);
}

/** Their rows of pg_index, those of partitions too. */
function ofCandidates(names: readonly string[]): Statement {
  return sql`from pg_class root, pg_partition_tree(root.oid) part
    where root.relname = any(${names}::text[]) and part.relid = i.indexrelid`;
}

async function appendRound(db: Database, pid: number, count: number): Promise<Round> {
  const batches: NewEvent[][] = [];
  for (let from = 0; from < count; from += batch) batches.push(Array.from({ length: batch }, anyEvent));
  const [walBefore, cpuBefore, begun] = [await wal(db), await cpuSeconds([pid]), performance.now()];
  for (const events of batches) await appendEvents(db, events);
  const seconds = (performance.now() - begun) / 1_000;
  return {
    perSecond: count / seconds,
    cpuMicros: (((await cpuSeconds([pid])) - cpuBefore) * 1e6) / count,
    walBytes: ((await wal(db)) - walBefore) / count,
  };
}

async function wal(db: Database): Promise<number> {
  const [row] = await db.rows<{ at: string }>(sql`select pg_current_wal_insert_lsn() - '0/0' as at`);
  return Number(row!.at);
}

/** An event as the filled archive has them. */
function anyEvent(): NewEvent {
  const person = Math.floor(500_000 * Math.random() ** 3);
  const isPage = Math.random() < 0.3;
  const body = {
    type: isPage ? 'page' : 'track',
    ...(isPage
      ? { name: `Page ${Math.floor(1_000 * Math.random() ** 2)}` }
      : { event: `Feature ${Math.floor(40 * Math.random() ** 2)}` }),
    ...(Math.random() < 0.8 && { userId: `user-${person}` }),
    anonymousId: anonymousIdOf(person),
    messageId: randomUUID(),
    properties: { path: '/shop', filler: 'x'.repeat(360) },
  };
  return readEvent(body, Buffer.from(JSON.stringify(body)), null, {
    sourceId: sourceIds[0]!,
    origin: 'tracking_api',
    receivedAt: new Date(),
    live: true,
    sentAt: null,
    batch: { context: [], integrations: [] },
    integrations: undefined,
    newMessageId: randomUUID,
  }).event!;
}

/** As `fillArchive` makes it. */
function anonymousIdOf(person: number): string {
  const digits = hash('md5', `a${person}`, 'hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
