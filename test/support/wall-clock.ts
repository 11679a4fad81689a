import pg from 'pg';

/** The wall clock of a test's database, which can be set. */
export interface WallClock {
  /** Sets it; it goes on from there. */
  set(time: string): Promise<void>;
  /** What it shows; milliseconds since 1970. */
  now(): Promise<number>;
}

/**
 * Gives a database a clock that can be set: its sessions find a function of their own before Postgres'. Only new sessions
 * do, so those that there are are ended, as when Postgres fails over.
 */
export async function settableClock(url: string): Promise<WallClock> {
  const ask = async (text: string, values: unknown[] = []) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text, values)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  await ask(`
    create schema wall;
    create table wall.clock (ahead interval not null);
    insert into wall.clock values ('0');
    create function wall.clock_timestamp() returns timestamptz language sql volatile as
      'select pg_catalog.clock_timestamp() + (select ahead from wall.clock)';
    do $$ begin
      execute format('alter database %I set search_path = wall, public, pg_catalog', current_database());
    end $$;
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);
  return {
    set: async (time) =>
      void (await ask('update wall.clock set ahead = $1::timestamptz - pg_catalog.clock_timestamp()', [
        time,
      ])),
    now: async () => {
      const [row] = await ask('select extract(epoch from clock_timestamp())::float8 * 1000 as now');
      return row!['now'] as number;
    },
  };
}
