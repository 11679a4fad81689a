import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verdictsOf } from '../../src/activities/verdicts.ts';
import { sumCounts } from '../../src/core/counts.ts';
import { filtersOf } from '../../src/core/event-filters.ts';
import { decideByColumns } from '../../src/core/fql/decide.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import { archiveHead, countSelected, readPage } from '../../src/db/archive/read.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  newEngine,
  newReplay,
  runOf,
  runToEnd,
  turns,
  type Engine,
} from '../support/engine.ts';
import { openOf, takeFilter } from '../support/engine-hand-over.ts';
import { comesDue, workUntilWaiting } from '../support/engine-waiting.ts';
import { eventOfText, newSource, trackEvent } from '../support/events.ts';
import { askedEvents, columnTrees, textOfTokens, tokensOfTree } from '../support/fql.ts';

const db = await testDatabase();
const usersOf = (engine: Engine) => engine.sink.arrivals.map(({ userId }) => userId).toSorted();

async function tallyOf(engine: Engine, runId: string) {
  const { lanes } = await runOf(engine, runId);
  const { events, reasons, byAction } = sumCounts(lanes.map(({ counts }) => counts));
  return { events, reasons, byAction };
}

/** Ten orders of u0 to u9, of 0, 10, … 90. */
async function appendOrders(engine: Engine) {
  for (let order = 0; order < 10; order++)
    await append(engine, [`u${order}`], { properties: { total: order * 10 } });
}
const large = 'properties.total >= 70';

describe('a destination’s filter', () => {
  test('keeps away what it does not take, from the stream and from replays, and says so', async () => {
    const engine = await newEngine(db);
    await takeFilter(engine, large);
    await appendOrders(engine);
    const stream = await connect(engine);
    const replay = await newReplay(engine);
    await appendOrders(engine);
    await runToEnd(engine, stream);
    const expected = { events: { delivered: 3, filtered: 7 }, reasons: { filter: 7 } };
    expect(await tallyOf(engine, stream)).toMatchObject(expected);
    expect(usersOf(engine)).toEqual(['u7', 'u8', 'u9']);
    await runToEnd(engine, replay);
    expect(await tallyOf(engine, replay)).toMatchObject(expected);
    const { lanes, selected, selectedExact } = await runOf(engine, replay);
    expect({ selected, selectedExact }).toEqual({ selected: 10, selectedExact: true });
    expect(lanes[0]!.samples['filter']).toHaveLength(5);
    expect(usersOf(engine)).toEqual(['u7', 'u7', 'u8', 'u8', 'u9', 'u9']);
  });

  test('is asked of the completed event: what a batch gave to it counts', async () => {
    const engine = await newEngine(db);
    await takeFilter(engine, 'context.app.name = "Shop"');
    const batch = { context: [{ key: 'app', text: '"app":{"name":"Shop"}' }], integrations: [] };
    await appendEvents(db, [
      trackEvent(engine.source, { userId: 'with' }, { batch }),
      trackEvent(engine.source, { userId: 'own', context: { app: { name: 'Other' } } }, { batch }),
      trackEvent(engine.source, { userId: 'without' }),
    ]);
    await runToEnd(engine, await newReplay(engine));
    expect(usersOf(engine)).toEqual(['with']);
  });

  test('that changes splits the stream where it stood; what is let through now is missing', async () => {
    const engine = await newEngine(db);
    await takeFilter(engine, 'userId != "u1"');
    const first = await connect(engine);
    await append(engine, turns(4, 2));
    await runToEnd(engine, first);
    await append(engine, turns(4, 2));
    await takeFilter(engine, 'userId = "u1"');
    const second = await openOf(engine);
    expect(second.id).not.toBe(first);
    await runToEnd(engine, second.id);
    expect(await tallyOf(engine, first)).toMatchObject({ events: { delivered: 2, filtered: 2 } });
    expect(await tallyOf(engine, second.id)).toMatchObject({ events: { delivered: 2, filtered: 2 } });
    await takeFilter(engine, null);
    await runToEnd(engine, await newReplay(engine));
    expect(usersOf(engine)).toEqual(['u0', 'u0', 'u0', 'u0', 'u1', 'u1', 'u1', 'u1']);
  });

  test.each([
    ['columns', 'userId = "u2"'],
    ['the event itself', 'properties.total = 20'],
  ])('that changes lets go of what waits and is not taken any more, told by %s', async (_, filter) => {
    const engine = await newEngine(db);
    const first = await connect(engine);
    for (const user of [1, 2]) await append(engine, [`u${user}`], { properties: { total: user * 10 } });
    engine.sink.answer = () => 500;
    await workUntilWaiting(engine, first, 1);
    await takeFilter(engine, filter);
    const second = await openOf(engine);
    expect(await tallyOf(engine, second.id)).toMatchObject({ events: { waiting: 1 } });
    engine.sink.answer = () => 200;
    engine.sink.arrivals.length = 0;
    await comesDue(engine, second.id);
    await runToEnd(engine, second.id);
    expect(usersOf(engine)).toEqual(['u2']);
  });
});

test('an action gets what its trigger takes, in the version that the run works with', async () => {
  const engine = await newEngine(db, { actions: 2 });
  const [one = '', two = ''] = engine.actions;
  const trigger = (action: string, fql: string) =>
    db.run(sql`update action_version set trigger = ${fql} where action_id = ${action}`);
  await trigger(one, large);
  await trigger(two, 'properties.total >= 90');
  await appendOrders(engine);
  const replay = await newReplay(engine);
  await runToEnd(engine, replay);
  expect(usersOf(engine)).toEqual(['u7', 'u8', 'u9', 'u9']);
  expect(await tallyOf(engine, replay)).toEqual({
    events: { delivered: 3, filtered: 7 },
    reasons: { trigger: 7 },
    byAction: { [one]: { delivered: 3, filtered: 7 }, [two]: { delivered: 1, filtered: 9 } },
  });
});

describe('a replay’s FQL', () => {
  test('that columns tell is counted as lists are', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(10));
    const run = await newReplay(engine, { filter: { fql: 'match(userId, "u*") and userId != "u3"' } });
    expect(await runOf(engine, run)).toMatchObject({ selected: 9, selectedExact: true });
    await runToEnd(engine, run);
    expect(await tallyOf(engine, run)).toMatchObject({ events: { delivered: 9 }, reasons: {} });
    const rest = await newReplay(engine, { exclude: { fql: 'userId != "u3"' } });
    expect(await runOf(engine, rest)).toMatchObject({ selected: 1, selectedExact: true });
  });

  test('that the events themselves tell selects what matches; how many is known at the end', async () => {
    const engine = await newEngine(db);
    await appendOrders(engine);
    const run = await newReplay(engine, {
      filter: { users: turns(9), fql: large },
      exclude: { fql: 'properties.total = 80' },
    });
    expect(await runOf(engine, run)).toMatchObject({ selected: 9, selectedExact: false });
    const ended = await runToEnd(engine, run);
    expect(ended).toMatchObject({ selected: 1, selectedExact: true });
    expect(await tallyOf(engine, run)).toMatchObject({ events: { delivered: 1 }, reasons: {} });
    expect(usersOf(engine)).toEqual(['u7']);
  });

  test('retries the dead letters that columns choose', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(4));
    engine.sink.answer = () => 400;
    await runToEnd(engine, await newReplay(engine));
    engine.sink.answer = () => 200;
    engine.sink.arrivals.length = 0;
    await runToEnd(engine, await newReplay(engine, { mode: 'failed', filter: { fql: 'userId = "u2"' } }));
    expect(usersOf(engine)).toEqual(['u2']);
  });
});

test('Postgres and the engine say the same of a filter over columns', async () => {
  const source = await newSource(db);
  const before = await archiveHead(db);
  const texts = fc.sample(askedEvents, 150).map((event, index) => {
    const who = event.userId === undefined && event.anonymousId === undefined ? { anonymousId: 'A' } : {};
    const needs = { group: { groupId: 'g' }, alias: { previousId: 'p', userId: event.userId ?? 'A' } };
    const more = event.type === 'group' || event.type === 'alias' ? needs[event.type] : {};
    return JSON.stringify({ ...event, ...who, ...more, messageId: `m-${index % 4}-${index}` });
  });
  await appendEvents(
    db,
    texts.map((text) => eventOfText(source, text)),
  );
  const stretch = { after: before, upTo: await archiveHead(db) };
  const all = { ...stretch, bucketFrom: 0, bucketTo: 1023 };
  const { events } = await readPage(db, all);
  expect(events).toHaveLength(texts.length);
  await fc.assert(
    fc.asyncProperty(columnTrees, async (tree) => {
      const fql = textOfTokens(tokensOfTree(tree));
      const taken = events.filter((event) => decideByColumns(tree, event)).map(({ position }) => position);
      const page = await readPage(db, { ...all, selection: { fql } });
      expect(page.events.map(({ position }) => position)).toEqual(taken);
      expect(await countSelected(db, { ...stretch, selection: { fql } })).toBe(taken.length);
      const without = await countSelected(db, { ...stretch, selection: { exclude: { fql } } });
      expect(without).toBe(events.length - taken.length);
    }),
    { numRuns: 100 },
  );
});

test('filters over many large events leave turns to everything else', async () => {
  const source = await newSource(db);
  const long = 'x'.repeat(28_000);
  const event = { ...trackEvent(source, { properties: { long, total: 1 } }), position: 1, bucket: 0 };
  const events = Array.from({ length: 3_000 }, () => ({ ...event, edits: '[]', integrations: null }));
  const filters = filtersOf({ filter: 'match(properties.long, "*y") or properties.total > 1' }, {});
  let turns = 0;
  const other = setInterval(() => turns++, 1);
  const verdicts = await verdictsOf(events, filters);
  clearInterval(other);
  expect(verdicts!.every(({ passes }) => !passes)).toBe(true);
  expect(turns).toBeGreaterThan(20); // of a page that is gone through at a stretch: none
});
