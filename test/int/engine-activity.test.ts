import { afterAll, describe, expect, test, vi } from 'vitest';
import { LeaseWatcher } from '../../src/activities/lease-watcher.ts';
import { listAudit } from '../../src/db/audit/read.ts';
import { changeDestination, getDestination } from '../../src/db/destinations.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import { setStreamDesired } from '../../src/db/streams.ts';
import { createKeyring, seal, settingsPlace } from '../../src/destinations/secrets.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  ask,
  connect,
  countsOf,
  newEngine,
  newReplay,
  openSender,
  runOf,
  runToEnd,
  secretKey,
  shortTiming,
  turns,
  type Engine,
} from '../support/engine.ts';
import { startEngineSink } from '../support/engine-sink.ts';
import { newGate } from '../support/engine-faults.ts';
import { statusOf } from '../support/engine-waiting.ts';
import { sliceActivity } from '../support/slice-activity.ts';

const db = await testDatabase();
const leases = new LeaseWatcher(db, () => performance.now());
afterAll(() => leases.close());

const newActivity = (engine: Engine, timing: Partial<typeof shortTiming> = {}) =>
  sliceActivity(engine, { leases, openSender, timing: { ...shortTiming, ...timing } });

describe('a slice tells its workflow', () => {
  test('done, with what a person sees of it, and done again when it is asked again', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(30));
    const run = await newReplay(engine);
    const activity = newActivity(engine);
    const told = await activity.run(run);
    expect(told).toMatchObject({
      next: 'done',
      position: String(sent.at(-1)!.position),
      settled: 30,
      selected: 30,
      wakeAt: null,
      reason: null,
    });
    expect(await activity.run(run)).toMatchObject({ next: 'done', settled: 30 });
    expect(engine.sink.arrivals).toHaveLength(30);
  });

  test('idle at the head, held with its time and reason, more at the end of its own time', async () => {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    expect(await newActivity(engine).run(stream)).toMatchObject({ next: 'idle', wakeAt: null });
    await append(engine, turns(100, 100));
    engine.sink.answer = () => ({ status: 200, afterMs: 100 });
    expect(await newActivity(engine, { sliceMs: 200 }).run(stream)).toMatchObject({ next: 'more' });
    engine.sink.answer = () => ({ status: 429, retryAfter: 60 });
    const held = await newActivity(engine).run(stream);
    expect(held).toMatchObject({ next: 'held', reason: 'throttled: http_429' });
    expect(Date.parse(held.wakeAt!)).toBeGreaterThan(Date.now());
    expect(held.wakeInMs).toBeGreaterThan(30_000);
  });

  test('by no clock when it rests until somebody wakes it, whatever time it waited for before', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    engine.sink.answer = () => ({ status: 429, retryAfter: 60 });
    const run = await newReplay(engine);
    await newActivity(engine).run(run);
    await setReplayDesired(db, run, 'paused');
    expect(await newActivity(engine).run(run)).toMatchObject({ next: 'stopped', wakeInMs: null });
  });

  test('more when its worker shuts down, with nothing sent twice', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(200, 100));
    engine.sink.answer = () => ({ status: 200, afterMs: 300 });
    const run = await newReplay(engine);
    const activity = newActivity(engine);
    const working = activity.run(run);
    await engine.sink.arrived(100);
    activity.shutDown();
    engine.sink.answer = () => 200;
    expect(await working).toMatchObject({ next: 'more' });
    expect(activity.heartbeats).toContainEqual({
      position: expect.any(String),
      settled: expect.any(Number),
      rate: expect.any(Number),
    });
    await runToEnd(engine, run);
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 200 }, () => 1));
  });

  test('stopped while it is paused, done when it is cancelled', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(10));
    const run = await newReplay(engine);
    const activity = newActivity(engine);
    await setReplayDesired(db, run, 'paused');
    expect(await activity.run(run)).toMatchObject({ next: 'stopped' });
    await setReplayDesired(db, run, 'cancelled');
    expect(await activity.run(run)).toMatchObject({ next: 'done' });
    expect(engine.sink.arrivals).toEqual([]);
  });

  test('that there is more when it was paused and resumed before it had stopped', async () => {
    const engine = await newEngine(db, { settings: { concurrency: 2 } });
    await append(engine, turns(50, 50));
    const gate = newGate();
    gate.close();
    engine.sink.answer = () => ({ status: 200, after: gate.pass() });
    const run = await newReplay(engine);
    const working = newActivity(engine, { drainMs: 10_000 }).run(run);
    await engine.sink.arrived(2);
    await setReplayDesired(db, run, 'paused');
    const renewals = async () =>
      (
        await db.rows<{ count: number }>(sql`select lease_renewals as count from lane where run_id = ${run}`)
      )[0]!.count;
    const heard = (await renewals()) + 2; // a commit has come back with the wish
    await vi.waitFor(async () => expect(await renewals()).toBeGreaterThanOrEqual(heard), { timeout: 5_000 });
    await setReplayDesired(db, run, 'running');
    gate.open();
    expect(await working).toMatchObject({ next: 'more' });
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 50 });
  });
});

describe('410: the destination wants no more events', () => {
  const gone = async () => {
    const engine = await newEngine(db, { settings: { concurrency: 1 } });
    engine.sink.answer = () => (engine.sink.arrivals.length <= 5 ? 200 : 410);
    return engine;
  };

  test('it is disabled, its replay is paused and says why, and nothing more is sent', async () => {
    const engine = await gone();
    await append(engine, turns(20));
    const run = await newReplay(engine);
    expect(await newActivity(engine).run(run)).toMatchObject({
      next: 'stopped',
      reason: 'destination_disabled',
    });
    expect(engine.sink.arrivals).toHaveLength(6);
    expect(await getDestination(db, engine.destinationId)).toMatchObject({
      enabled: false,
      disabledReason: 'gone',
    });
    const resource = `/api/destinations/${engine.destinationId}`;
    expect(await listAudit(db, { resource }, { limit: 10 })).toMatchObject([
      { actor: { name: 'reprise' }, action: 'disableDestination', content: { after: { enabled: false } } },
    ]);
    expect(await statusOf(engine, run)).toMatchObject({
      status: 'paused',
      statusReason: 'destination_disabled',
    });
    expect(await countsOf(engine, run)).toEqual({ delivered: 5 });

    engine.sink.answer = () => 200;
    await changeDestination(db, engine.destinationId, { enabled: true });
    await setReplayDesired(db, run, 'running');
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 20 });
  });

  test('said of settings that have been changed meanwhile, it disables nothing', async () => {
    const engine = await newEngine(db, { settings: { concurrency: 1 } });
    const stream = await connect(engine);
    await append(engine, turns(5));
    const gate = newGate();
    gate.close();
    engine.sink.answer = () => ({ status: 410, after: gate.pass() });
    const working = newActivity(engine, { drainMs: 10_000 }).run(stream);
    await engine.sink.arrived(1);
    const mended = await startEngineSink();
    const settings = { url: mended.url, secret: newWebhookSecret() };
    const place = settingsPlace(engine.destinationId);
    await changeDestination(db, engine.destinationId, {
      settingsSealed: seal(settings, place, createKeyring(secretKey)),
      enabled: true,
    });
    gate.open();
    expect(await working).toMatchObject({ next: 'more' });
    expect(await getDestination(db, engine.destinationId)).toMatchObject({
      enabled: true,
      disabledReason: null,
    });
    await runToEnd(engine, stream);
    expect(mended.arrivals).toHaveLength(5);
    expect(await countsOf(engine, stream)).toEqual({ delivered: 5 });
  });

  test('its stream ends at its mark, and what it lacks can be sent when it is enabled again', async () => {
    const engine = await gone();
    const stream = await connect(engine);
    const sent = await append(engine, turns(20));
    expect(await newActivity(engine).run(stream)).toMatchObject({ next: 'done' });
    expect(await db.transaction((tx) => endRunIfDue(tx, stream))).toMatchObject({
      toPosition: sent[4]!.position,
      statusReason: 'gone',
      lanes: [{ state: 'done' }],
    });
    expect(await setStreamDesired(db, engine.destinationId, 'running')).toBeNull();
    expect((await ask(engine)).kind).toBe('destination_gone');
    engine.sink.answer = () => 200;
    await changeDestination(db, engine.destinationId, { enabled: true });
    const replay = await newReplay(engine);
    await runToEnd(engine, replay);
    expect(await countsOf(engine, replay)).toEqual({ alreadyDelivered: 5, delivered: 15 });
    expect((await runOf(engine, stream)).endedAt).not.toBeNull();
  });
});
