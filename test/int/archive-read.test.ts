import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { eventTypes, type ArchivedEvent } from '../../src/core/event.ts';
import type { Selection, SelectionLists } from '../../src/core/selection.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import { archiveHead, countSelected, readPage } from '../../src/db/archive/read.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';

const db = await testDatabase();
const allBuckets = { bucketFrom: 0, bucketTo: 1023 };
const sources = [await newSource(db), await newSource(db)];
const names = ['Order Completed', 'Viewed\0', '', 'null'];
const users = ['u-1', 'u-2', 'a-1', '\ud800', 'u,"{}\\'];
const times = ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.001Z', '2026-03-01T00:00:00.000Z'];
let all: ArchivedEvent[] = [];

beforeAll(async () => {
  const pick = <T>(list: readonly T[], index: number) => list[index % list.length] as T;
  const events = Array.from({ length: 240 }, (_, index) => {
    const type = pick(eventTypes, index);
    const members = {
      type,
      event: pick(names, index + 1) || 'Other',
      name: pick(names, index),
      userId: index % 5 === 0 ? null : pick(users, index),
      anonymousId: index % 3 === 0 ? undefined : pick(users, index * 7 + 2),
      previousId: 'p',
      groupId: 'g',
      timestamp: pick(times, index * 5 + 1),
    };
    if (members.userId === null) members.anonymousId ??= 'a-1';
    const arrival = { receivedAt: new Date(pick(times, index)), live: index % 4 !== 0 };
    return trackEvent(pick(sources, index), members, arrival);
  });
  // Positions with gaps, as aborted appends leave them.
  for (let at = 0; at < events.length; at += 60) {
    await appendEvents(db, events.slice(at, at + 60));
    await db.run(sql`select setval('event_position', (select last_value + 1000 from event_position))`);
  }
  all = (await readPage(db, { after: 0, upTo: await archiveHead(db), ...allBuckets })).events;
  expect(all).toHaveLength(events.length);
});

test('pages of any window and limit give every event once, in order', async () => {
  const head = await archiveHead(db);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1_500 }),
      fc.integer({ min: 1, max: 70 }),
      async (window, limit) => {
        fc.pre(window > 20);
        const seen: number[] = [];
        let after = 0;
        while (after < head) {
          const page = await readPage(db, { after, upTo: head, ...allBuckets, window, limit });
          expect(page.events.length).toBeLessThanOrEqual(limit);
          expect(page.scannedTo).toBeGreaterThan(after);
          expect(page.scannedTo).toBeLessThanOrEqual(after + window);
          seen.push(...page.events.map((event) => event.position));
          after = page.scannedTo;
        }
        expect(after).toBe(head);
        expect(seen).toEqual(all.map((event) => event.position));
      },
    ),
    { numRuns: 25 },
  );
});

test('a page without a match still says how far it has looked', async () => {
  const page = await readPage(db, {
    after: 10,
    upTo: 10_000,
    ...allBuckets,
    selection: { names: ['nothing has this name'] },
    window: 500,
  });
  expect(page).toEqual({ events: [], scannedTo: 510 });
  const [first] = all;
  const one = await readPage(db, { after: 0, upTo: 1, ...allBuckets, window: 500 });
  expect(one.events.map(({ position }) => position)).toEqual([first?.position]);
  expect(one.scannedTo).toBe(1);
  const users = [first?.userId ?? first?.anonymousId ?? ''];
  const few = await readPage(db, {
    after: 0,
    upTo: 10_000,
    ...allBuckets,
    selection: { users },
    window: 900,
  });
  expect(few.scannedTo).toBe(900);
  expect(await readPage(db, { after: 50, upTo: 50, ...allBuckets })).toEqual({ events: [], scannedTo: 50 });
  expect(await readPage(db, { after: 50, upTo: 20, ...allBuckets })).toEqual({ events: [], scannedTo: 50 });
});

test('ranges of buckets divide the archive without gap or overlap', async () => {
  const head = await archiveHead(db);
  const parts = [
    [0, 99],
    [100, 700],
    [701, 1023],
  ] as const;
  const seen: number[] = [];
  for (const [bucketFrom, bucketTo] of parts) {
    const { events } = await readPage(db, { after: 0, upTo: head, bucketFrom, bucketTo });
    for (const event of events) expect(event.bucket >= bucketFrom && event.bucket <= bucketTo).toBe(true);
    seen.push(...events.map((event) => event.position));
  }
  expect(seen.toSorted((a, b) => a - b)).toEqual(all.map((event) => event.position));
});

/** Mostly absent, so that what a selection takes is seldom nothing. */
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
const some = <T>(values: readonly T[]) => maybe(fc.subarray([...values]));
const asStored = (text: string) => text.replaceAll('\0', '\ufffd').toWellFormed();
const lists = fc.record({
  types: some(eventTypes),
  names: some([...names, 'Other', 'unknown']),
  users: some([...users, 'unknown']),
  sources: some([...sources, randomUUID()]),
});
const moment = maybe(fc.constantFrom(...times, '2026-02-01T01:00:00.001+01:00', '2026-01-15T00:00:00Z'));
const selections: fc.Arbitrary<Selection> = fc
  .record({
    lists,
    exclude: fc.oneof(fc.constant(undefined), lists),
    receivedFrom: moment,
    receivedTo: moment,
    timestampFrom: moment,
    timestampTo: moment,
    liveOnly: fc.boolean(),
  })
  .map(({ lists, ...rest }) =>
    withoutUndefined({ ...lists, ...rest, exclude: rest.exclude && withoutUndefined(rest.exclude) }),
  );

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}

function namedBy(event: ArchivedEvent, { types, names, users, sources }: SelectionLists): boolean[] {
  const ids = [event.userId, event.anonymousId];
  return [
    types === undefined ? [] : [types.includes(event.type)],
    names === undefined ? [] : [event.name !== null && names.map(asStored).includes(event.name)],
    users === undefined ? [] : [users.map(asStored).some((user) => ids.includes(user))],
    sources === undefined ? [] : [sources.includes(event.sourceId)],
  ].flat();
}

function selected(event: ArchivedEvent, selection: Selection): boolean {
  const from = (text: string | undefined) => (text === undefined ? -Infinity : Date.parse(text));
  const to = (text: string | undefined) => (text === undefined ? Infinity : Date.parse(text));
  const received = event.receivedAt.getTime();
  const happened = event.timestamp.getTime();
  return (
    namedBy(event, selection).every(Boolean) &&
    !(selection.exclude !== undefined && namedBy(event, selection.exclude).some(Boolean)) &&
    received >= from(selection.receivedFrom) &&
    received < to(selection.receivedTo) &&
    happened >= from(selection.timestampFrom) &&
    happened < to(selection.timestampTo) &&
    (selection.liveOnly !== true || event.live)
  );
}

test('a selection takes what it says, reading and counting alike', async () => {
  const head = await archiveHead(db);
  await fc.assert(
    fc.asyncProperty(selections, async (selection) => {
      const wanted = all.filter((event) => selected(event, selection)).map((event) => event.position);
      const { events } = await readPage(db, { after: 0, upTo: head, ...allBuckets, selection });
      expect(events.map((event) => event.position)).toEqual(wanted);
      expect(await countSelected(db, { after: 0, upTo: head, selection })).toBe(wanted.length);
    }),
    { numRuns: 200 },
  );
});

test('counts only within its range of positions', async () => {
  const [first, , third] = all;
  expect(await countSelected(db, { after: first?.position ?? 0, upTo: third?.position ?? 0 })).toBe(2);
});
