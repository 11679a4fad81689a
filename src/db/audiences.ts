import type { Audience } from '../core/audience.ts';
import { sql, type Queryable } from './sql.ts';

export interface AudienceRecord extends Audience {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const columns = sql`
  id, key, computation_id as "computationId", name, external_id as "externalId", settings,
  created_at as "createdAt", updated_at as "updatedAt"`;

/** The audiences of a destination, by key. */
export async function listAudiences(db: Queryable, destinationId: string): Promise<AudienceRecord[]> {
  return await db.rows(sql`
    select ${columns} from audience where destination_id = ${destinationId} order by key collate "C"`);
}

/** One of a destination that is there; null: there is none. */
export async function getAudience(
  db: Queryable,
  destinationId: string,
  id: string,
): Promise<AudienceRecord | null> {
  const [row] = await db.rows<AudienceRecord>(sql`
    select ${columns} from audience where id = ${id} and destination_id = ${destinationId}
      and exists (select 1 from destination d where d.id = ${destinationId} and d.deleted_at is null)`);
  return row ?? null;
}

/** Writes a new audience. @returns null: the destination has one with this key */
export async function insertAudience(
  tx: Queryable,
  destinationId: string,
  { id, key, computationId, name, externalId, settings }: Omit<AudienceRecord, 'createdAt' | 'updatedAt'>,
): Promise<AudienceRecord | null> {
  const [row] = await tx.rows<AudienceRecord>(sql`
    insert into audience (id, destination_id, key, computation_id, name, external_id, settings)
    values (${id}, ${destinationId}, ${key}, ${computationId}, ${name}, ${externalId},
      ${JSON.stringify(settings)}::jsonb)
    on conflict (destination_id, key) do nothing returning ${columns}`);
  return row ?? null;
}

/** Changes an audience that is there. */
export async function changeAudience(
  db: Queryable,
  id: string,
  { name, settings }: Pick<AudienceRecord, 'name' | 'settings'>,
): Promise<void> {
  await db.run(sql`
    update audience set name = ${name}, settings = ${JSON.stringify(settings)}::jsonb,
      updated_at = clock_timestamp() where id = ${id}`);
}

/** @returns whether it was there */
export async function deleteAudience(db: Queryable, destinationId: string, id: string): Promise<boolean> {
  return (await db.run(sql`delete from audience where id = ${id} and destination_id = ${destinationId}`)) > 0;
}
