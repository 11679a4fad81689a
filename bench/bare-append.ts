import type pg from 'pg';
import type { Database } from '../src/db/database.ts';
import { sql } from '../src/db/sql.ts';

/** What a program that promises nothing knows of an event. */
export interface BareEvent {
  readonly name: string;
  readonly userId: string;
  readonly messageId: string;
  readonly timestamp: string;
  readonly raw: string;
}

/** Makes a table with the columns and indexes of the archive, for the yardsticks to write to. */
export async function createBareTable(db: Database): Promise<void> {
  await db.run(sql`create table bare_event (like event including all)`);
  await db.run(sql`create sequence bare_position`);
  await db.run(sql`alter table bare_event alter position set default nextval('bare_position')`);
}

/** Inserts events by one multi-row VALUES statement, which commits by itself. No lock, no look for duplicates. */
export async function appendBare(client: pg.Pool | pg.Client, events: readonly BareEvent[]): Promise<void> {
  let text =
    'insert into bare_event (received_at, timestamp, source_id, origin, type, name, user_id, message_id, bucket, live, raw, edits) values ';
  const values: string[] = [];
  for (const { name, userId, messageId, timestamp, raw } of events) {
    const at = values.length;
    text += `${at === 0 ? '' : ','}(now(),$${at + 1},'6f3f6a58-0d5e-4b0e-9d4f-2f1f6f1f7a10','tracking_api','track',$${at + 2},$${at + 3},$${at + 4},0,true,$${at + 5},'[]')`;
    values.push(timestamp, name, userId, messageId, raw);
  }
  await client.query(text, values);
}
