import { countedEvents, sumCounts, type Counts } from '../core/counts.ts';
import type { Position } from '../core/event.ts';
import type { Desired } from '../core/replay-status.ts';
import { archiveHead } from './archive/read.ts';
import { settledSince } from './dead-letter-state.ts';
import { sql, type Queryable } from './sql.ts';

/** An open run as it stands. */
export interface RunFigures {
  readonly destinationId: string;
  readonly kind: 'replay' | 'stream';
  readonly desired: Desired;
  /** A lane is held because the destination is down. */
  readonly held: boolean;
  /** Its lowest mark. */
  readonly mark: Position;
  /** Events per second. */
  readonly rate: number;
  readonly waiting: number;
  /** Events selected and not settled; of a stream 0. */
  readonly remaining: number;
}

/** What metrics tell of the whole engine, the same for all processes. */
export interface EngineFigures {
  readonly head: Position;
  readonly databaseBytes: number;
  readonly sources: readonly { readonly id: string; readonly name: string }[];
  readonly destinations: readonly { readonly id: string; readonly name: string; readonly type: string }[];
  readonly runs: readonly RunFigures[];
  /** How long ago the first live event above a mark was received, in seconds. A mark without one is absent. */
  readonly lagSeconds: ReadonlyMap<Position, number>;
  /** By destination, those of its newest 1,000. */
  readonly deadLetters: ReadonlyMap<string, number>;
}

/** Of each destination's dead letters so many are looked at: a scrape must not cost more the more has failed. */
const countedLetters = 1_000;
/** How many sources and destinations are named at most; the oldest are. */
const named = 2_000;
/** Live events are looked for so far above a mark; beyond it lies an import that the stream is about to pass. */
const lookAhead = 1_000;

/** Reads the figures, in a few statements whose cost goes by what is open and never by what has ended. */
export async function readEngineFigures(db: Queryable): Promise<EngineFigures> {
  const head = await archiveHead(db);
  const [size] = await db.rows<{ bytes: number }>(sql`select pg_database_size(current_database()) as bytes`);
  const runs = await readOpenFigures(db);
  const marks = runs.filter(({ kind, mark }) => kind === 'stream' && mark < head).map(({ mark }) => mark);
  return {
    head,
    databaseBytes: size?.bytes ?? 0,
    sources: await db.rows<{ id: string; name: string }>(sql`
      select id, name from source where deleted_at is null order by created_at, id limit ${named}`),
    destinations: await db.rows<{ id: string; name: string; type: string }>(sql`
      select id, name, type from destination where deleted_at is null order by created_at, id limit ${named}`),
    runs,
    lagSeconds: await readLags(db, [...new Set(marks)]),
    deadLetters: await countDeadLetters(db),
  };
}

interface OpenRow extends Omit<RunFigures, 'waiting' | 'remaining'> {
  readonly selected: number;
  readonly counts: readonly Partial<Counts>[];
}

/** Uses run_one_open_stream and run_one_running_replay, so that ended runs cost nothing. */
async function readOpenFigures(db: Queryable): Promise<RunFigures[]> {
  const rows = await db.rows<OpenRow & Record<string, unknown>>(sql`
    with open as materialized (
      select id, destination_id, kind, desired, selected from run where kind = 'stream' and ended_at is null
      union all
      select id, destination_id, kind, desired, selected from run
      where kind = 'replay' and ended_at is null and desired <> 'planned')
    select o.destination_id as "destinationId", o.kind, o.desired, o.selected, min(l.mark) as mark,
      bool_or(l.state = 'held') as held, sum(l.rate) as rate,
      jsonb_agg(jsonb_build_object('events', l.counts -> 'events')) || jsonb_agg(jsonb_build_object('events', l.ahead -> 'events')) as counts
    from open o join lane l on l.run_id = o.id group by o.id, o.destination_id, o.kind, o.desired, o.selected`);
  return rows.map(({ selected, counts, ...run }) => {
    const sum = sumCounts(counts.map(({ events }) => ({ events: events ?? {}, byAction: {}, reasons: {} })));
    const waiting = sum.events.waiting ?? 0;
    const remaining = run.kind === 'replay' ? Math.max(0, selected - countedEvents(sum)) : 0;
    return { ...run, waiting, remaining };
  });
}

/** Uses event's primary key: streams at the same place, as parked ones are, are looked up once. */
async function readLags(db: Queryable, marks: readonly Position[]): Promise<Map<Position, number>> {
  if (marks.length === 0) return new Map();
  const rows = await db.rows<{ mark: Position; seconds: number }>(sql`
    select m.mark, extract(epoch from clock_timestamp() - e.received_at)::float8 as seconds
    from unnest(${[...marks]}::bigint[]) as m(mark)
    cross join lateral (
      select received_at from event where position > m.mark and position <= m.mark + ${lookAhead}::bigint and live
      order by position limit 1) e`);
  return new Map(rows.map(({ mark, seconds }) => [mark, Math.max(0, seconds)]));
}

/** Uses dead_letter_destination. */
async function countDeadLetters(db: Queryable): Promise<Map<string, number>> {
  const rows = await db.rows<{ id: string; count: number }>(sql`
    select t.id, count(d.id) filter (where d.retried_by is null and not ${settledSince()}) as count
    from destination t left join lateral (
      select * from dead_letter where destination_id = t.id order by died_at desc limit ${countedLetters}) d on true
    where t.deleted_at is null group by t.id limit ${named}`);
  return new Map(rows.map(({ id, count }) => [id, count]));
}
