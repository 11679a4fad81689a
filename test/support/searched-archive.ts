import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { chunkPositions } from '../../src/core/coverage.ts';
import type { EventFilter } from '../../src/core/event-filter.ts';
import { eventTypes, origins } from '../../src/core/event.ts';
import type { NewEvent } from '../../src/core/new-event.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import type { EventRecord } from '../../src/db/event-lookup.ts';
import { eventRecordColumns } from '../../src/db/event-lookup.ts';
import { sql, type Queryable } from '../../src/db/sql.ts';
import { eventOfText, newSource } from './events.ts';

const names = ['Order Completed', 'Clicked', 'Ünïcode', '100%_', 'Home'];
const users = ['u-1', 'u-2', 'u-3', 'ü', 'both', "o'clock"];
const prefixes = ['m-', 'm%', 'm_', 'M-', 'M\\', 'ü-'];
const perChunk = 100;
const dayMs = 86_400_000;
const start = Date.UTC(2026, 0, 1);

/** Events of one stretch look alike, so that what is known of a chunk of the archive says something. */
const periodEvents = 250;

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;
const maybe = <T>(value: T): T | undefined => (Math.random() < 0.6 ? value : undefined);

/** Sources of an archive that is searched. */
export async function searchedSources(db: Queryable): Promise<string[]> {
  return [await newSource(db), await newSource(db), await newSource(db)];
}

/**
 * An event of any kind. Its time of arrival rises with its number, unless it is history, which has any, or comes from a
 * process whose clock is behind.
 */
function anyEvent(sources: readonly string[], number: number): NewEvent {
  const period = Math.floor(number / periodEvents);
  const type = pick(eventTypes.slice(period % 3, (period % 3) + 3));
  const imported = Math.random() < 0.2;
  const received = imported
    ? start - Math.random() * 300 * dayMs
    : start + number * 60_000 - Math.random() * 7_200_000;
  const text = JSON.stringify({
    type,
    ...(type === 'track' ? { event: pick(names) } : { name: maybe(pick(names)) }),
    userId: type === 'identify' || type === 'alias' ? pick(users) : maybe(pick(users)),
    anonymousId: pick(users),
    ...(type === 'group' && { groupId: 'g' }),
    ...(type === 'alias' && { previousId: 'p' }),
    messageId: `${pick(prefixes)}${number % 40}-${randomUUID().slice(0, 4)}`,
    timestamp: new Date(received - Math.random() * 3 * dayMs).toISOString(),
  });
  return eventOfText(sources[(period + pick([0, 0, 1])) % sources.length]!, text, {
    receivedAt: new Date(received),
    live: !imported,
    origin: imported ? 'import' : pick(['tracking_api', 'track_api']),
  });
}

/**
 * Appends that many events of every kind, a few of them to a chunk of positions.
 * @param first the number of the first one: later ones are received later
 */
export async function appendAny(db: Queryable, sources: readonly string[], first: number, count: number) {
  const events = Array.from({ length: count }, (_, index) => anyEvent(sources, first + index));
  for (let from = 0; from < count; from += perChunk) {
    await appendEvents(db, events.slice(from, from + perChunk));
    await db.rows(sql`
      select setval('event_position', last_value + ${Math.floor(Math.random() * 2 * chunkPositions)}::bigint)
      from event_position`);
  }
}

/** What is left of some events once their people are deleted. @returns how many there were */
export async function buryEvents(db: Queryable, user: string): Promise<number> {
  return await db.run(sql`
    update event set raw = '', edits = '[]', message_id = '', anonymous_id = null, user_id = 'pseudonym',
      name = case when type = 'track' then name end
    where user_id = ${user} or anonymous_id = ${user}`);
}

/** Every event that is there, the oldest first. */
export async function allEvents(db: Queryable): Promise<EventRecord[]> {
  return await db.rows<EventRecord & Record<string, unknown>>(
    sql`select ${eventRecordColumns} from event e where e.message_id <> '' order by e.position`,
  );
}

/** Filters that find something, and some that do not, in an archive of `count` events. */
export function anyFilter(sources: readonly string[], count: number): fc.Arbitrary<EventFilter> {
  const some = <T>(of: readonly T[]) =>
    fc.subarray([...of], { minLength: 1, maxLength: 3 }).map((list) => [...list]);
  const moment = fc
    .integer({ min: start - 310 * dayMs, max: start + count * 60_000 })
    .map((time) => new Date(time).toISOString());
  const parts = {
    types: some(eventTypes),
    names: some([...names, 'Nothing']),
    users: some([...users, 'nobody', 'pseudonym']),
    sources: some([...sources, randomUUID()]),
    origins: some(origins),
    messageIdPrefix: fc
      .tuple(fc.constantFrom(...prefixes), fc.integer({ min: 0, max: 50 }))
      .map(([prefix, number]) => (number > 40 ? prefix : `${prefix}${number}-`)),
    receivedFrom: moment,
    receivedTo: moment,
    timestampFrom: moment,
    timestampTo: moment,
  };
  // Few at a time: of ten at once nothing would ever be left.
  const few = fc.subarray(Object.keys(parts) as (keyof typeof parts)[], { maxLength: 3 });
  return fc
    .tuple(fc.record(parts), few)
    .map(([all, keys]): EventFilter =>
      Object.fromEntries(Object.entries(all).filter(([key]) => keys.some((chosen) => chosen === key))),
    );
}

/** Written down once more, plainly, to hold the search against. */
export function isWanted(filter: EventFilter, event: EventRecord): boolean {
  const oneOf = (list: readonly (string | null)[] | undefined, ...values: (string | null)[]) =>
    list === undefined || values.some((value) => value !== null && list.includes(value));
  const received = event.receivedAt.toISOString();
  const happened = event.timestamp.toISOString();
  return (
    oneOf(filter.types, event.type) &&
    oneOf(filter.names, event.name) &&
    oneOf(filter.users, event.userId, event.anonymousId) &&
    oneOf(filter.sources, event.sourceId) &&
    oneOf(filter.origins, event.origin) &&
    (filter.messageId ?? event.messageId) === event.messageId &&
    event.messageId.slice(0, filter.messageIdPrefix?.length ?? 0) === (filter.messageIdPrefix ?? '') &&
    received >= (filter.receivedFrom ?? '') &&
    (filter.receivedTo === undefined || received < filter.receivedTo) &&
    happened >= (filter.timestampFrom ?? '') &&
    (filter.timestampTo === undefined || happened < filter.timestampTo)
  );
}
