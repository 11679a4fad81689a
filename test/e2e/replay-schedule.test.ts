import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { leaseSeenLiveMs } from '../../src/core/lease.ts';
import { startTemporal } from '../../src/dev/temporal.ts';
import { flawless, judge, type FaultLine } from '../support/checker.ts';
import { makeProductFolder, type Replay } from '../support/product.ts';
import { openScene } from '../support/scene.ts';
import type { Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';
import { settableClock } from '../support/wall-clock.ts';

const events = 900;
/** How long a request that was written in time may take to be read by the sink on a busy machine; milliseconds. */
const transitMs = 1_500;
const nights = { timeZone: 'Europe/Berlin', windows: [{ from: '22:00', to: '06:00' }] };
const opens = (day: number) => `2030-01-${day}T21:00:00Z`;
const closes = (day: number) => `2030-01-${day}T05:00:00Z`;
const secondsBefore = (time: string, seconds: number) =>
  new Date(Date.parse(time) - seconds * 1_000).toISOString();

const folder = makeProductFolder();
const dataDir = join(folder.path, 'temporal');
let server = await startTemporal({ dataDir });
afterAll(async () => {
  await server.stop();
  folder.remove();
});
const scene = await openScene({ TEMPORAL_ADDRESS: server.address, TEMPORAL_UI_URL: server.uiUrl });
const acknowledged = await scene.archive(events);
const clock = await settableClock(scene.product.databaseUrl);

/** Kills every worker; they are started again by themselves. */
async function killWorkers(name: string): Promise<FaultLine> {
  const t0 = Date.now();
  const workers = () =>
    Object.entries(scene.product.processes()).filter(([role]) => /^(delivery|orchestration)/.test(role));
  const killed = workers();
  for (const [, pid] of killed) process.kill(pid, 'SIGKILL');
  const old = new Set(killed.map(([, pid]) => pid));
  await until('all are there again', workers, (now) => now.every(([, pid]) => !old.has(pid)));
  return { name, kind: 'kill', target: 'everything', t0, t1: Date.now() };
}

async function arrived(sink: Sink, count: number): Promise<void> {
  await until(
    `${count} have arrived`,
    () => sink.state(),
    ({ answered }) => answered >= count,
  );
}

/** It stands outside its windows, and nobody works a lane of it: who was killed after it closed gives nothing back. */
async function stands(id: string): Promise<Replay> {
  const replay = await scene.readUntil(
    id,
    'it is outside',
    ({ statusReason }) => statusReason === 'outside_window',
  );
  const held = `select 1 from lane where run_id = $1 and not lease_released
    and lease_renewed_at > clock_timestamp() - make_interval(secs => ${leaseSeenLiveMs / 1_000})`;
  await until(
    'its lanes are let go',
    () => scene.rows(held, [id]),
    (rows) => rows.length === 0,
  );
  return replay;
}

const stateOf = async ({ workflow }: Replay) =>
  (await scene.temporal.describe(workflow.id)).searchAttributes['RepriseState'];

test('all workers are killed as its window closes, and again as it opens: nothing leaves outside, nothing is missing', async () => {
  const sink = await scene.newSink();
  await sink.become({ delayMs: 50 });
  const destinationId = await scene.connect(sink);
  await clock.set(secondsBefore(closes(11), 8));
  const closesAtReal = Date.now() + Date.parse(closes(11)) - (await clock.now());
  const { id } = await scene.replay(destinationId, { schedule: nights, pace: { eventsPerSecond: 60 } });
  await arrived(sink, 150);
  const first = await killWorkers('before the window closes');
  const outside = await stands(id);
  expect(outside).toMatchObject({ status: 'running', opensAt: '2030-01-11T21:00:00.000Z' });
  const { received } = await sink.state();
  expect(received).toBeGreaterThanOrEqual(150);
  expect(received).toBeLessThan(events);
  expect(sink.lines().filter(({ at }) => at > closesAtReal + transitMs)).toEqual([]);

  await clock.set(secondsBefore(opens(11), 2));
  const second = await killWorkers('as the window opens');
  const ended = await scene.ended(id);
  expect(ended).toMatchObject({ status: 'completed', opensAt: null });
  const faults = [first, second];
  const { duplicates: _, ...verdict } = judge([acknowledged], sink.lines(), { faults });
  const { duplicates: __, ...wanted } = flawless;
  expect(verdict).toEqual(wanted);
});

test('one whose window opens soon goes on by itself, and its workflow shows what it waits for', async () => {
  const sink = await scene.newSink();
  const destinationId = await scene.connect(sink);
  await clock.set(secondsBefore(opens(12), 3_000));
  const replay = await scene.replay(destinationId, { schedule: nights });
  await until(
    'Temporal shows it',
    () => stateOf(replay),
    (state) => state === 'outside_window',
  );
  expect(await scene.temporal.details(replay.workflow.id)).toContain('2030-01-12T21:00:00.000Z');
  expect((await sink.state()).received).toBe(0);
  const windows = [{ from: '21:00', to: '21:59' }];
  await clock.set('2030-01-12T20:59:55Z');
  const call = { schedule: { windows, timeZone: 'UTC' } };
  const changed = await scene.product.call('PATCH', `/api/replays/${replay.id}`, call);
  expect(changed).toMatchObject({ status: 200, body: { opensAt: '2030-01-12T21:00:00.000Z' } });
  expect(await scene.ended(replay.id)).toMatchObject({ status: 'completed', counts: { delivered: events } });
  expect(judge([acknowledged], sink.lines())).toEqual(flawless);
});

test('one that starts later sends what is missing then, beside others that ran before', async () => {
  const sink = await scene.newSink();
  const destinationId = await scene.connect(sink);
  const now = await clock.now();
  const startAt = new Date(now + 8_000).toISOString();
  const planned = await scene.replay(destinationId, { schedule: { startAt } });
  expect(planned).toMatchObject({ status: 'planned', statusReason: 'scheduled', startsAt: startAt });
  expect(await stateOf(planned)).toBe('scheduled');
  const part = await scene.replay(destinationId, { range: { by: 'position', to: 200 } });
  await scene.ended(part.id);
  const ended = await scene.ended(planned.id);
  expect(ended).toMatchObject({
    status: 'completed',
    counts: { alreadyDelivered: 200, delivered: events - 200 },
  });
  expect(Date.parse(ended.startedAt!)).toBeGreaterThanOrEqual(Date.parse(startAt));
  expect(judge([acknowledged], sink.lines())).toEqual(flawless);
});

test('one that is paused before its time sends nothing when that comes, and all of it once it is resumed', async () => {
  const sink = await scene.newSink();
  const startAt = (await clock.now()) + 4_000;
  const { id } = await scene.replay(await scene.connect(sink), {
    schedule: { startAt: new Date(startAt).toISOString() },
  });
  const paused = { status: 'paused', statusReason: 'before_start' };
  const steer = (verb: string) => scene.product.call('POST', `/api/replays/${id}/${verb}`);
  expect(await steer('pause')).toMatchObject({ status: 200, body: paused });
  await until(
    'its time has passed',
    () => clock.now(),
    (now) => now > startAt + 2_000,
  );
  expect(await scene.product.call('GET', `/api/replays/${id}`)).toMatchObject({ body: paused });
  expect(sink.lines()).toEqual([]);
  expect(await steer('resume')).toMatchObject({ status: 200, body: { status: 'running' } });
  expect(await scene.ended(id)).toMatchObject({ status: 'completed', counts: { delivered: events } });
  expect(judge([acknowledged], sink.lines())).toEqual(flawless);
});

test('Temporal’s store is lost while one waits for its time and one for its window: both go on by themselves', async () => {
  const [sink, other] = [await scene.newSink(), await scene.newSink()];
  await clock.set('2030-01-13T12:00:00Z');
  const later = await scene.replay(await scene.connect(sink), { schedule: { startAt: opens(13) } });
  const outside = await scene.replay(await scene.connect(other), { schedule: nights });
  await until(
    'it waits',
    () => stateOf(outside),
    (state) => state === 'outside_window',
  );
  const { port, uiPort, pid } = server;
  process.kill(pid, 'SIGKILL');
  rmSync(dataDir, { recursive: true });
  server = await startTemporal({ dataDir, port, uiPort });
  for (const replay of [later, outside]) {
    const look = () => stateOf(replay).catch(() => null);
    await until('its workflow is there again', look, (state) => state !== null, { deadlineMs: 120_000 });
  }
  await clock.set(opens(13));
  for (const { id } of [later, outside]) {
    expect(await scene.ended(id)).toMatchObject({ status: 'completed', counts: { delivered: events } });
  }
  for (const each of [sink, other]) expect(judge([acknowledged], each.lines())).toEqual(flawless);
});
