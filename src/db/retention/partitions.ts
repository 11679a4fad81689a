import { sql, type Queryable } from '../sql.ts';

/** How many positions a partition of the archive holds, as the migration that makes them has it. */
export const partitionPositions = 4_194_304;

/** A partition of the archive that is full. */
export interface Partition {
  readonly number: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** With its indexes and what lies beside it. */
  readonly bytes: number;
}

/** A run that has not ended and has yet to read, or to send, something. */
export interface Holder {
  readonly runId: string;
  readonly kind: 'replay' | 'stream';
  readonly destinationId: string;
}

/** The partitions that no event can come into any more, the oldest first. */
export async function fullPartitions(db: Queryable): Promise<Partition[]> {
  const rows = await db.rows<{ number: number; bytes: number }>(sql`
    select number, pg_total_relation_size(id) as bytes
    from (
      select inhrelid as id, substring(relname from '^event_p([0-9]+)$')::bigint as number
      from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = 'event'::regclass
    ) part, event_position
    where number is not null and is_called and (number + 1) * ${partitionPositions}::bigint <= last_value
    order by number`);
  return rows.map(({ number, bytes }) => ({
    number,
    firstPosition: Math.max(1, number * partitionPositions),
    lastPosition: (number + 1) * partitionPositions - 1,
    bytes,
  }));
}

/** Whether all events of a partition were received before so many days ago. Uses event_received_at. */
export async function isOld(db: Queryable, partition: Partition, days: number): Promise<boolean> {
  const [row] = await db.rows<{ young: boolean }>(sql`
    select exists (
      select 1 from event where position between ${partition.firstPosition} and ${partition.lastPosition}
        and received_at >= now() - make_interval(days => ${days})) as young`);
  return row?.young === false;
}

/** Who still needs a partition: streams that have not passed it and replays that have not ended, planned ones too. */
export async function holdersOf(
  db: Queryable,
  { lastPosition }: Pick<Partition, 'lastPosition'>,
): Promise<Holder[]> {
  return await db.rows<Holder & Record<string, unknown>>(sql`
    select r.id as "runId", r.kind, r.destination_id as "destinationId" from run r
    where r.ended_at is null and r.from_position <= ${lastPosition}
      and (r.kind = 'replay' and r.counted_to < least(r.to_position, ${lastPosition}::bigint)
        or exists (select 1 from lane l
          where l.run_id = r.id and l.state <> 'done' and l.mark < least(r.to_position, ${lastPosition}::bigint))
        or exists (select 1 from waiting_delivery w where w.run_id = r.id and w.position <= ${lastPosition}))
    order by r.number`);
}
