import { beforeEach, describe, expect, test } from 'vitest';
import { setSeam } from '../../src/db/destinations.ts';
import { sql } from '../../src/db/sql.ts';
import { changeStream, endStream, forgetAccount, openStreamRun } from '../../src/db/streams.ts';
import { suppress } from '../../src/db/suppressions.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  type Engine,
} from '../support/engine.ts';
import { takeSources } from '../support/engine-hand-over.ts';
import { overAtOnce, retried } from '../support/engine-letters.ts';
import { workUntilWaiting } from '../support/engine-waiting.ts';
import { newSource } from '../support/events.ts';

const db = await testDatabase();
const api = await testApi(db);

beforeEach(async () => {
  await db.run(sql`update destination set deleted_at = now() where deleted_at is null`);
});

/** A destination that is connected at this moment. */
async function connected(options: Parameters<typeof newEngine>[1] = {}) {
  const engine = await newEngine(db, options);
  const stream = await connect(engine);
  await setSeam(db, engine.destinationId, (await runOf(engine, stream)).fromPosition);
  return { engine, stream };
}

async function deliveriesOf(position: number) {
  const { status, body } = await api.call('GET', `/api/events/${position}`);
  expect(status).toBe(200);
  // oxlint-disable-next-line typescript/no-explicit-any -- as `call` has it
  return body.deliveries as any[];
}

async function deliveryOf(position: number) {
  const all = await deliveriesOf(position);
  expect(all).toHaveLength(1);
  return all[0];
}

const standsAs = async (position: number) => {
  const { status, reason, runs } = await deliveryOf(position);
  return { status, reason, runs: runs.map((run: { status: string }) => run.status) };
};
const untouched = (status: string, reason: string | null) => ({ status, reason, runs: [] });

describe('what a run has left', () => {
  test('a success of the stream has the window in which it was settled, and the id that went out', async () => {
    const { engine, stream } = await connected();
    const before = new Date();
    const [one] = await append(engine, ['u']);
    await runToEnd(engine, stream);
    const delivery = await deliveryOf(one!.position);
    expect(delivery).toMatchObject({
      status: 'delivered',
      reason: null,
      actionId: engine.actions[0],
      gone: false,
    });
    expect(delivery.runs).toMatchObject([
      { kind: 'stream', replayId: null, replay: null, actionVersion: 1, status: 'delivered', attempts: null },
    ]);
    expect(delivery.deliveryId).toBe(engine.sink.of([one!.messageId])[0]!.id);
    const [{ from, to }] = delivery.runs;
    expect(Date.parse(from)).toBeGreaterThan(before.getTime() - 1_000);
    expect(Date.parse(to)).toBeGreaterThanOrEqual(Date.parse(from));
  });

  test('a replay before the connection delivered it, the next one found it delivered, one with new ids sent it again', async () => {
    const engine = await newEngine(db);
    const [one] = await append(engine, ['u']);
    const { position } = one!;
    const first = await newReplay(engine);
    await runToEnd(engine, first);
    await runToEnd(engine, await newReplay(engine));
    const again = await newReplay(engine, { mode: 'all' });
    await runToEnd(engine, again);
    const { status, runs, deliveryId } = await deliveryOf(position);
    expect(status).toBe('delivered');
    expect(runs.map((run: { status: string }) => run.status)).toEqual([
      'delivered',
      'alreadyDelivered',
      'delivered',
    ]);
    expect(runs[0]).toMatchObject({ replayId: first, replay: `/api/replays/${first}`, deliveryId });
    const ids = engine.sink.of([one!.messageId]).map(({ id }) => id);
    expect(ids).toEqual([deliveryId, runs[2].deliveryId]);
    expect(new Set(ids).size).toBe(2);
  });

  test('given up on: its last failure and its letter; a retry that goes well is a delivery', async () => {
    const { engine, stream } = await connected();
    // What is taken after it shows that the event is at fault, not the destination.
    engine.sink.answer = ({ userId }) => (userId === 'u' ? 400 : 200);
    const [one] = await append(engine, ['u']);
    const { position } = one!;
    await runToEnd(engine, stream);
    expect(await deliveryOf(position)).toMatchObject({ status: 'waiting' });
    await append(engine, ['other']);
    await runToEnd(engine, stream);
    const dead = await deliveryOf(position);
    expect(dead).toMatchObject({ status: 'dead', reason: null });
    expect(dead.runs).toMatchObject([
      { kind: 'stream', status: 'dead', attempts: 2, failure: { errorClass: 'http_400', status: 400 } },
    ]);
    const letter = await api.call('GET', `/api/dead-letters/${dead.runs[0].deadLetterId}`);
    expect(letter.body).toMatchObject({ position, diedAt: dead.runs[0].to });
    engine.sink.answer = () => 200;
    const retry = await retried(engine);
    await runToEnd(engine, retry);
    const retriedOne = await deliveryOf(position);
    expect(retriedOne).toMatchObject({ status: 'delivered' });
    expect(retriedOne.runs).toMatchObject([
      { status: 'dead', retriedBy: retry },
      { status: 'delivered', replayId: retry },
    ]);
  });

  test('what waits says when it is tried next, and what stands behind it has no time', async () => {
    const { engine, stream } = await connected();
    const [one, behind, other] = await append(engine, ['w', 'w', 'fine']);
    engine.sink.answer = ({ userId }) => (userId === 'w' ? 500 : 200);
    await workUntilWaiting(engine, stream, 1);
    const waiting = await deliveryOf(one!.position);
    expect(waiting).toMatchObject({ status: 'waiting', reason: null });
    expect(waiting.runs).toMatchObject([
      { kind: 'stream', status: 'waiting', failure: { errorClass: 'http_500' }, from: null },
    ]);
    expect(waiting.runs[0].attempts).toBeGreaterThan(0);
    expect(Date.parse(waiting.runs[0].nextRetryAt)).toBeGreaterThan(Date.now());
    expect((await deliveryOf(behind!.position)).runs).toMatchObject([
      { status: 'waiting', attempts: 0, nextRetryAt: null },
    ]);
    expect(await standsAs(other!.position)).toEqual({
      status: 'delivered',
      reason: null,
      runs: ['delivered'],
    });
  });

  test('an account that is gone had it: it is missing, and the delivery is told', async () => {
    const { engine, stream } = await connected();
    const [one] = await append(engine, ['u']);
    await runToEnd(engine, stream);
    await db.transaction((tx) => forgetAccount(tx, engine.destinationId));
    const delivery = await deliveryOf(one!.position);
    expect(delivery).toMatchObject({ status: 'missing', reason: 'new_account' });
    expect(delivery.runs).toMatchObject([{ status: 'delivered', toFormerAccount: true }]);
  });

  test('of very many runs the first and the last are told, and how many are not', async () => {
    const engine = await newEngine(db);
    const [one] = await append(engine, ['u']);
    await runToEnd(engine, await newReplay(engine));
    for (let run = 0; run < 22; run++) await overAtOnce(engine);
    await db.run(sql`
      insert into coverage (action_id, chunk, run, bits, first_at, last_at)
      select c.action_id, c.chunk, r.number, c.bits, now(), now()
      from coverage c join run r on r.destination_id = ${engine.destinationId} and r.number <> c.run
      where c.action_id = ${engine.actions[0]}`);
    const { runs, runsOmitted } = await deliveryOf(one!.position);
    expect([runs.length, runsOmitted]).toEqual([20, 3]);
    expect(runs.slice(0, 2)).toMatchObject([{ status: 'delivered' }, { status: 'alreadyDelivered' }]);
    expect(runs.at(-1).status).toBe('alreadyDelivered');
  });
});

describe('why there is nothing', () => {
  test('before the seam, not reached, paused', async () => {
    const engine = await newEngine(db);
    const [old] = await append(engine, ['u']);
    expect(await standsAs(old!.position)).toEqual(untouched('missing', 'no_stream'));
    const stream = await connect(engine);
    await setSeam(db, engine.destinationId, (await runOf(engine, stream)).fromPosition);
    const [young] = await append(engine, ['u']);
    expect(await standsAs(old!.position)).toEqual(untouched('missing', 'before_seam'));
    expect(await standsAs(young!.position)).toEqual(untouched('remaining', 'not_reached'));
    await newReplay(engine);
    expect(await standsAs(old!.position)).toEqual(untouched('remaining', 'replay_comes'));
    await db.run(sql`update run set desired = 'paused' where id = ${stream}`);
    expect(await standsAs(young!.position)).toEqual(untouched('remaining', 'stream_paused'));
  });

  test('imported, while disabled, an action that came later', async () => {
    const { engine, stream } = await connected();
    const [imported] = await append(engine, ['u'], { live: false });
    const [passed] = await append(engine, ['u']);
    await runToEnd(engine, stream);
    expect(await standsAs(imported!.position)).toEqual(untouched('missing', 'imported'));
    await db.run(sql`
      insert into action (id, destination_id, name) values (gen_random_uuid(), ${engine.destinationId}, 'Later')`);
    await db.run(sql`insert into action_version (action_id, version)
      select id, 1 from action where destination_id = ${engine.destinationId} and name = 'Later'`);
    await db.transaction((tx) => changeStream(tx, engine.destinationId));
    const later = (await deliveriesOf(passed!.position)).find(({ actionName }) => actionName === 'Later');
    expect(later).toMatchObject(untouched('missing', 'action_added_later'));
    await db.transaction((tx) => endStream(tx, engine.destinationId, 'disabled'));
    const [meanwhile] = await append(engine, ['u']);
    expect(await deliveriesOf(meanwhile!.position)).toMatchObject([
      untouched('missing', 'while_disabled'),
      untouched('missing', 'while_disabled'),
    ]);
  });

  test('filtered by source or by its integrations, suppressed', async () => {
    const { engine, stream } = await connected();
    const elsewhere = { ...engine, source: await newSource(db) };
    const [other] = await append(elsewhere, ['u']);
    const [optedOut] = await append(engine, ['u'], { integrations: { [engine.destinationId]: false } });
    const [hidden] = await append(engine, ['hidden']);
    await db.transaction((tx) =>
      suppress(tx, { ids: [{ userId: 'hidden', anonymousId: null }], reason: null }),
    );
    const look = async () =>
      await Promise.all([other, optedOut, hidden].map((one) => standsAs(one!.position)));
    const expected = [
      untouched('filtered', 'sources'),
      untouched('filtered', 'integrations'),
      untouched('suppressed', null),
    ];
    expect(await look()).toEqual(expected);
    await runToEnd(engine, stream);
    expect(await look()).toEqual(expected);
    // What the stream did not take then, and today's sources would, is missing.
    await takeSources(engine, null);
    expect(await standsAs(other!.position)).toEqual(untouched('missing', 'not_selected_then'));
  });

  test('passed over without a trace that would tell why', async () => {
    const { engine, stream } = await connected();
    await append(engine, ['lifted']);
    const [one] = await append(engine, ['lifted']);
    await db.transaction((tx) =>
      suppress(tx, { ids: [{ userId: 'lifted', anonymousId: null }], reason: null }),
    );
    await runToEnd(engine, stream);
    await db.run(sql`update suppression set lifted_at = now() where user_id = 'lifted'`);
    expect(await standsAs(one!.position)).toEqual(untouched('missing', 'passed_over'));
  });
});

test('two destinations with two actions each are told apart, a deleted one only where it had the event', async () => {
  const first = await connected({ actions: 2 });
  const source = first.engine.source;
  const second: Engine = { ...(await newEngine(db, { actions: 2, allSources: true })), source };
  const [one] = await append(first.engine, ['u']);
  await runToEnd(first.engine, first.stream);
  const found = await deliveriesOf(one!.position);
  expect(found.map(({ destinationId, status, reason }) => [destinationId, status, reason])).toEqual([
    [first.engine.destinationId, 'delivered', null],
    [first.engine.destinationId, 'delivered', null],
    [second.destinationId, 'missing', 'no_stream'],
    [second.destinationId, 'missing', 'no_stream'],
  ]);
  expect(new Set(found.map(({ deliveryId }) => deliveryId)).size).toBe(4);
  await db.run(sql`update destination set deleted_at = now() where deleted_at is null`);
  const left = await deliveriesOf(one!.position);
  expect(left).toMatchObject([
    { destinationId: first.engine.destinationId, gone: true, status: 'delivered' },
    { destinationId: first.engine.destinationId, gone: true },
  ]);
  expect(left).toHaveLength(2);
  expect(await openStreamRun(db, first.engine.destinationId)).not.toBeNull();
});

test('what is in flight while the process dies is not said to be there before its commit', async () => {
  const { engine, stream } = await connected();
  engine.sink.answer = () => 'never';
  const [one] = await append(engine, ['u']);
  const stop = new AbortController();
  const slice = runSlice(engine, stream, { signal: stop.signal, timing: { drainMs: 50 } });
  await engine.sink.arrived(1);
  expect(await standsAs(one!.position)).toEqual(untouched('remaining', 'not_reached'));
  stop.abort();
  await slice;
});

test('of a tombstone nothing is told but that it is one', async () => {
  const { engine } = await connected();
  const [one] = await append(engine, ['u']);
  await db.run(
    sql`update event set message_id = '', raw = '', edits = '[]' where position = ${one!.position}`,
  );
  const { status, body } = await api.call('GET', `/api/events/${one!.position}`);
  expect([status, body.code]).toEqual([404, 'not_found']);
  expect(body.detail).toContain('tombstone');
});
