import type { Database } from '../database.ts';
import { sql, type Queryable } from '../sql.ts';
import { chunkPositions } from '../../core/coverage.ts';
import {
  fullPartitions,
  holdersOf,
  isOld,
  partitionPositions,
  type Holder,
  type Partition,
} from './partitions.ts';
import { getRetention } from './setting.ts';

/** For how long taking a partition out may keep appends waiting: behind a reader that takes longer it is tried again. */
const lockTimeout = '200ms';
const rowsPerStep = 10_000;

/** What a time of keeping makes too old. */
export interface TooOld {
  /** Whole partitions, the oldest first, up to the first that has something younger. */
  readonly partitions: readonly Partition[];
  /** Runs that have yet to read, or to send, something of them: a partition stays until none is left. */
  readonly heldBy: readonly Holder[];
}

/** What would go if events were kept for so many days. */
export async function tooOldBy(db: Queryable, days: number): Promise<TooOld> {
  const old: Partition[] = [];
  for (const partition of await fullPartitions(db)) {
    if (!(await isOld(db, partition, days))) break;
    old.push(partition);
  }
  const last = old.at(-1);
  return { partitions: old, heldBy: last === undefined ? [] : await holdersOf(db, last) };
}

/**
 * Drops what is kept for too long, with what belongs to it. May be done by several processes at once, and again after
 * a crash at any moment.
 * @returns how many partitions went
 */
export async function dropTooOld(db: Database): Promise<number> {
  const { days, keptFrom } = await getRetention(db);
  let dropped = 0;
  if (days !== null) {
    const { partitions } = await tooOldBy(db, days);
    for (const partition of partitions) {
      if (!(await detach(db, partition, days))) break;
      dropped++;
    }
    await forgetRejected(db, days);
  }
  await dropDetached(db);
  if (dropped > 0 || keptFrom > 1) await forgetBelow(db, (await getRetention(db)).keptFrom);
  return dropped;
}

/** Takes a partition out of the archive; its table is dropped apart, because that may take a while. */
async function detach(db: Database, partition: Partition, days: number): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const [held] = await tx.rows(sql`select 1 from retention where days = ${days} for update skip locked`);
    if (held === undefined || (await holdersOf(tx, partition)).length > 0) return false;
    await tx.rows(sql`select set_config('lock_timeout', ${lockTimeout}, true)`);
    await tx.run({ ...sql``, text: `alter table event detach partition event_p${partition.number}` });
    await tx.run(sql`
      update retention set kept_from = ${partition.lastPosition + 1}, kept_since = now() - make_interval(days => ${days})`);
    return true;
  });
}

async function dropDetached(db: Database): Promise<void> {
  const rows = await db.rows<{ name: string }>(sql`
    select relname as name from pg_class
    where relkind = 'r' and not relispartition and relname ~ '^event_p[0-9]+$' and relnamespace = 'public'::regnamespace
      and (substring(relname from '[0-9]+')::bigint + 1) * ${partitionPositions}::bigint <= (select kept_from from retention)`);
  for (const { name } of rows) await db.run({ ...sql``, text: `drop table if exists ${name}` });
}

/** What is kept of events that are gone: bits, and failures that can be retried no more. */
async function forgetBelow(db: Database, keptFrom: number): Promise<void> {
  const chunk = Math.floor(keptFrom / chunkPositions);
  await db.run(sql`delete from archive_chunk where chunk < ${chunk}`);
  await db.run(sql`delete from archive_person where chunk < ${chunk}`);
  await emptyNeighbours(db, keptFrom);
  for (const { id } of await db.rows<{ id: string }>(sql`select id from action`)) {
    await inSteps(() =>
      db.run(sql`
        delete from coverage where (action_id, chunk, run) in (
          select action_id, chunk, run from coverage where action_id = ${id} and chunk < ${chunk} limit ${rowsPerStep})`),
    );
  }
  for (const { id } of await db.rows<{ id: string }>(sql`select id from destination`)) {
    await inSteps(() =>
      db.run(sql`
        delete from dead_letter where id in (
          select id from dead_letter where destination_id = ${id} and position < ${keptFrom} limit ${rowsPerStep})`),
    );
  }
}

/**
 * Failures and samples of events that are kept may tell of neighbours in their request that are not. They are gone
 * through once for each drop, because that takes a while.
 */
async function emptyNeighbours(db: Database, keptFrom: number): Promise<void> {
  const [row] = await db.rows(sql`select 1 from retention where emptied_below < ${keptFrom}`);
  if (row === undefined) return;
  await db.run(sql`
    update dead_letter set failure = failure_left(failure)
    where split_part(failure ->> 'tellsOf', ' ', 1)::bigint < ${keptFrom}`);
  await db.run(sql`
    update lane set samples = samples_without_deleted(samples)
    where samples <> '{}' and samples_without_deleted(samples) <> samples`);
  await db.run(sql`update retention set emptied_below = ${keptFrom} where emptied_below < ${keptFrom}`);
}

async function forgetRejected(db: Database, days: number): Promise<void> {
  await inSteps(() =>
    db.run(sql`
      delete from rejected_event where id in (
        select id from rejected_event where received_at < now() - make_interval(days => ${days}) limit ${rowsPerStep})`),
  );
  await db.run(sql`
    delete from import_error e using import i
    where i.id = e.import_id and i.started_at < now() - make_interval(days => ${days})`);
}

async function inSteps(step: () => Promise<number>): Promise<void> {
  while ((await step()) === rowsPerStep);
}
