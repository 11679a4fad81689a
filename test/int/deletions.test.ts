import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { claimDeletion, DeletionLost, deletionStep } from '../../src/db/deletions/claim.ts';
import { deleteEvents } from '../../src/db/deletions/archive.ts';
import { rejectEvents } from '../../src/db/archive/rejected.ts';
import { rejectedEvent } from '../../src/core/new-event.ts';
import { positionsOfPeople } from '../../src/db/search/people.ts';
import { sumUpChunks } from '../../src/db/search/summaries.ts';
import { sql } from '../../src/db/sql.ts';
import { workDeletions } from '../../src/api/deletions/work.ts';
import { testApi } from '../support/api.ts';
import { whereNamed } from '../support/canary-person.ts';
import { testDatabase } from '../support/database.ts';
import { append, countsOf, newEngine, newReplay, runToEnd, turns, type Engine } from '../support/engine.ts';
import { fullFlight } from '../support/engine-flight.ts';
import { workUntilWaiting } from '../support/engine-waiting.ts';
import { eventOfText } from '../support/events.ts';
import { upload } from '../support/uploads.ts';
import { until } from '../support/until.ts';

const db = await testDatabase({ maxConnections: 24 });
const api = await testApi(db);

const forget = async (body: Record<string, unknown>, headers?: Record<string, string>) =>
  await api.call('POST', '/api/deletions', body, headers);
const work = async () => await workDeletions(api.deps, 0);
const certificate = async (id: string) => (await api.call('GET', `/api/deletions/${id}`)).body;
const rowsOf = (body: { deleted: { table: string; rows: number }[] }) =>
  Object.fromEntries(body.deleted.filter(({ rows }) => rows > 0).map(({ table, rows }) => [table, rows]));

/** Events of every kind that name somebody in every place. */
async function appendEverything({ source }: Engine, id: string) {
  const context = { traits: { email: `${id}@example.com` }, page: { title: id } };
  const kinds = [
    { type: 'track', event: 'Order Completed', properties: { by: id } },
    { type: 'identify', traits: { name: id } },
    { type: 'page', name: `Profile of ${id}` },
    { type: 'screen', name: id },
    { type: 'group', groupId: `g-${id}` },
    { type: 'alias', userId: 'the-new-one', previousId: id },
  ];
  const texts = kinds.map((kind) =>
    JSON.stringify({
      userId: id,
      anonymousId: `a-${id}`,
      messageId: `${id}-${randomUUID()}`,
      context,
      ...kind,
    }),
  );
  await appendEvents(
    db,
    texts.map((text) => eventOfText(source, text)),
  );
  return texts.length;
}

async function rejectEverything({ source }: Engine, id: string) {
  const texts = [
    `{"userId": "${id}", broken`,
    `{"type":"track","userId":"${id}"}`,
    '{"userId":"bystander", broken',
  ];
  const rejected = texts.map((text) =>
    rejectedEvent('malformed_json', Buffer.from(text), null, { sourceId: source, receivedAt: new Date() }),
  );
  await rejectEvents(
    db,
    rejected.map((one) => one.rejected),
  );
  const path = `/api/imports?sourceId=${source}`;
  await upload(api.url, path, `{"type":"track","userId":"${id}"}\n{"type":"track","userId":"bystander"}\n`, {
    'content-type': 'application/x-ndjson',
  });
}

test('nothing of a person is left anywhere but in the suppression; others keep what is theirs', async () => {
  const engine = await newEngine(db, { settings: { batchSize: 4 } });
  const canary = 'canary-7c1f';
  const events = await appendEverything(engine, canary);
  await append(engine, ['bystander', canary, 'bystander'], { properties: { note: 'keep' } });
  await rejectEverything(engine, canary);
  engine.sink.answer = (_, all) => (all.some(({ userId }) => userId === canary) ? 400 : 200);
  const died = await newReplay(engine);
  await runToEnd(engine, died);
  await db.run(sql`update lane set samples = jsonb_build_object('delivered', jsonb_build_array(
    jsonb_build_object('position', 1, 'message', ${`hello ${canary}`}::text))) where run_id = ${died}`);
  engine.sink.answer = ({ userId }) => (userId === canary ? 500 : 200);
  const waits = await newReplay(engine, { mode: 'all' });
  await workUntilWaiting(engine, waits, 1);
  const asked = await api.call(
    'POST',
    '/api/replays',
    { destinationId: engine.destinationId, filter: { users: [canary] } },
    { 'idempotency-key': randomUUID() },
  );
  expect([201, 409]).toContain(asked.status);
  await db.run(sql`update run set selection = ${JSON.stringify({ users: [canary] })}::jsonb,
    request = ${JSON.stringify({ filter: { users: [canary] } })}::jsonb where id = ${died}`);
  const fql = `userId = "${canary}" or traits.email = '${canary}@example.com' or properties.total > 9`;
  await db.run(sql`update run set selection = ${JSON.stringify({ fql, filter: fql, exclude: { fql } })}::jsonb,
    request = ${JSON.stringify({ filter: { fql }, exclude: { fql } })}::jsonb where id = ${waits}`);
  await db.run(sql`update destination set filter = ${fql} where id = ${engine.destinationId}`);
  await db.run(sql`update action_version set trigger = ${fql} where action_id = ${engine.actions[0]!}`);
  expect((await whereNamed(db, canary)).join()).toMatch(
    /dead_letter.*event.*import_error.*lane.*rejected_event.*run.*waiting/,
  );

  const made = await forget({ userId: canary, reason: 'Request 311.' });
  expect(made).toMatchObject({ status: 201, body: { status: 'running', userId: canary } });
  await work();

  expect(await whereNamed(db, canary)).toEqual(['suppression.user_id: 1']);
  const [{ filter } = { filter: '' }] = await db.rows<{ filter: string }>(
    sql`select filter from destination where id = ${engine.destinationId}`,
  );
  expect(filter).toMatch(/^userId = "[^"]+" or traits.email = '[^']+@example.com' or properties.total > 9$/);
  const done = await certificate(made.body.id);
  expect(done).toMatchObject({ status: 'completed', userId: null, throughPosition: done.scannedTo });
  expect(rowsOf(done)).toMatchObject({
    event: events + 1,
    rejected_event: 3,
    import_error: 1,
    lane: 2,
    run: 2,
  });
  expect((await api.call('GET', '/api/rejected')).text).not.toContain(canary);
  expect((await api.call('GET', '/api/rejected')).body.data).toHaveLength(2);
  expect((await api.call('GET', '/api/events?limit=200')).body.data).toHaveLength(2);
  expect((await whereNamed(db, 'keep')).join()).toContain('event.raw: 2');
  await db.run(sql`update waiting_delivery set due_at = clock_timestamp()`);
  engine.sink.answer = () => 200;
  engine.sink.arrivals.length = 0;
  await runToEnd(engine, waits);
  expect(engine.sink.arrivals.map(({ userId }) => userId)).not.toContain(canary);
  const counts = await countsOf(engine, waits);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(events + 3);
});

test('a replay in full flight sends nothing of them after the answer, and its counts add up', async () => {
  const { engine, run, slice } = await fullFlight(db, 'flies', { events: 1_600, arrived: 200 });

  const made = await forget({ userId: 'flies-3', suppress: false });
  const before = engine.sink.arrivals.length;
  expect(made.status).toBe(201);
  await Promise.all([slice, work()]);

  const of = (user: string, from = 0) =>
    engine.sink.arrivals.slice(from).filter(({ userId }) => userId === user).length;
  expect(of('flies-3', before)).toBe(0);
  expect(of('flies-4')).toBe(200);
  const sent = of('flies-3');
  expect(await countsOf(engine, run)).toEqual({ delivered: 1_400 + sent, suppressed: 200 - sent });
  const again = await newReplay(engine, { mode: 'all' });
  const { length } = engine.sink.arrivals;
  await runToEnd(engine, again);
  expect(of('flies-3', length)).toBe(0);
  expect(of('flies-4', length)).toBe(200);
});

test('without suppression new events are taken and sent again; a suppression that somebody made stays', async () => {
  const engine = await newEngine(db);
  await append(engine, ['returns', 'stays away']);
  await api.call('POST', '/api/suppressions', { userId: 'stays away' });
  for (const userId of ['returns', 'stays away']) await forget({ userId, suppress: false });
  await work();
  await append(engine, ['returns', 'stays away']);
  await runToEnd(engine, await newReplay(engine));
  expect(engine.sink.arrivals.map(({ userId }) => userId)).toEqual(['returns']);
});

test('what was broken off goes on where it was, at another process, which alone commits from then on', async () => {
  const engine = await newEngine(db);
  await append(
    engine,
    turns(60_000, 3).map((user) => `big-${user}`),
  );
  await sumUpChunks(db);
  const listed = async (user: string) =>
    await positionsOfPeople(db, [user], { span: { low: 0, high: 1e9 }, order: 'oldest', most: 100_000 });
  const others = await listed('big-u2');
  expect((await listed('big-u1')).length).toBeGreaterThan(15_000);
  const { body } = await forget({ userId: 'big-u1' });
  const lost = (await claimDeletion(db))!;
  let steps = 0;
  await deleteEvents(db, lost, () => steps++ < 1); // and then it is killed
  const halfway = rowsOf(await certificate(body.id));
  expect(await claimDeletion(db)).toBeNull();
  await db.run(sql`update deletion set renewed_at = renewed_at - interval '11 s' where id = ${body.id}`);
  const taking = work();
  await until(
    'another one has it',
    () => certificate(body.id),
    ({ scannedTo }) => scannedTo > 30_000,
  );
  const late = deletionStep(db, lost, { table: 'event' }, () => Promise.resolve(7));
  await expect(late).rejects.toThrow(DeletionLost);
  await taking;
  const done = await certificate(body.id);
  expect(halfway['event'] ?? 0).toBeLessThan(20_000);
  expect(done.status).toBe('completed');
  expect(rowsOf(done)['event']).toBe(20_000);
  expect(await whereNamed(db, 'big-u1')).toEqual(['suppression.user_id: 1']);
  expect(await listed('big-u1')).toEqual([]);
  expect(await listed('big-u2')).toEqual(others);
});

test('asking again while it runs is the same deletion; nobody or both ids are refused', async () => {
  const key = { 'idempotency-key': randomUUID() };
  const first = await forget({ anonymousId: 'twice' }, key);
  expect((await forget({ anonymousId: 'twice' }, key)).body.id).toBe(first.body.id);
  expect((await forget({ anonymousId: 'twice' })).body.id).toBe(first.body.id);
  await work();
  expect((await forget({ anonymousId: 'twice' }, key)).body).toMatchObject({
    status: 'completed',
    anonymousId: null,
  });
  expect((await forget({})).body).toMatchObject({ code: 'invalid_body', errors: [{ pointer: '/userId' }] });
  expect((await forget({ userId: 'a', anonymousId: 'b' })).status).toBe(422);
  const listed = await api.call('GET', '/api/deletions?limit=1');
  expect(listed.body.data).toHaveLength(1);
});
