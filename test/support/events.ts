import { randomUUID } from 'node:crypto';
import { noBatchMembers } from '../../src/core/completed-event.ts';
import { readEvent, type Arrival, type NewEvent } from '../../src/core/new-event.ts';
import { sql, type Queryable } from '../../src/db/sql.ts';

/** A source to append for. */
export async function newSource(db: Queryable): Promise<string> {
  const id = randomUUID();
  await db.run(sql`insert into source (id, name) values (${id}, 'test')`);
  return id;
}

/** An event as the tracking API would read it from this JSON text. */
export function eventOfText(sourceId: string, text: string, more: Partial<Arrival> = {}): NewEvent {
  const read = readEvent(JSON.parse(text), Buffer.from(text), null, {
    sourceId,
    origin: 'tracking_api',
    receivedAt: new Date(),
    live: true,
    sentAt: null,
    batch: noBatchMembers,
    integrations: null,
    newMessageId: randomUUID,
    ...more,
  });
  if (read.event === undefined) throw new Error(`rejected: ${read.rejected.code}`);
  return read.event;
}

/** A track event; `more` sets or overrides its members. */
export function trackEvent(
  sourceId: string,
  more: Record<string, unknown> = {},
  arrival: Partial<Arrival> = {},
): NewEvent {
  const value = { type: 'track', event: 'Tested', userId: 'user-1', messageId: randomUUID(), ...more };
  return eventOfText(sourceId, JSON.stringify(value), arrival);
}

/** The sender's JSON as text. */
export function rawText(event: { readonly raw: Uint8Array }): string {
  return Buffer.from(event.raw).toString();
}
