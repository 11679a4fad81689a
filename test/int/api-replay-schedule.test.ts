import { beforeEach, describe, expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { serverSentEvents } from '../support/event-stream.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { testFolder } from '../support/folder.ts';
import { settableClock } from '../support/wall-clock.ts';

const db = await testDatabase();
const clock = await settableClock(db.url);
const api = await testApi(db);
const source = await newSource(db);
await appendEvents(
  db,
  Array.from({ length: 5 }, () => trackEvent(source)),
);
const nights = { timeZone: 'Europe/Berlin', windows: [{ from: '22:00', to: '06:00' }] };

beforeEach(() => clock.set('2030-01-10T12:00:00Z')); // noon, 13:00 in Berlin

async function connect(): Promise<string> {
  const settings = { url: 'https://example.com/events' };
  return (await api.call('POST', '/api/destinations', { type: 'webhook', name: 'Sink', settings })).body.id;
}
async function ask(schedule: unknown, more: object = {}) {
  const body = { destinationId: await connect(), schedule, ...more };
  return await api.call('POST', '/api/replays', body);
}
const patch = (id: string, change: unknown) => api.call('PATCH', `/api/replays/${id}`, change);
const steer = (id: string, verb: string) => api.call('POST', `/api/replays/${id}/${verb}`);
const read = async (id: string) => (await api.call('GET', `/api/replays/${id}`)).body;

describe('a replay that starts later', () => {
  test('is planned, says when it begins, and leaves its destination to others', async () => {
    const made = await ask({ startAt: '2030-01-10T22:00:00+02:00' });
    const schedule = { startAt: '2030-01-10T20:00:00.000Z', timeZone: 'UTC' };
    const planned = { status: 'planned', statusReason: 'scheduled', startsAt: schedule.startAt, schedule };
    expect(made).toMatchObject({ status: 201, body: { ...planned, opensAt: null, counts: { selected: 5 } } });
    const { destinationId, id } = made.body;
    expect((await api.call('POST', '/api/replays', { destinationId })).body.status).toBe('running');
    expect((await ask(undefined, { destinationId, schedule })).status).toBe(201); // several may be planned
    expect((await steer(id, 'resume')).body.code).toBe('replay_planned');
    expect((await steer(id, 'cancel')).body).toMatchObject({ status: 'cancelled', startsAt: null });
  });

  test('whose time has passed begins at once, and says so', async () => {
    const made = await ask({ startAt: '2030-01-10T11:59:59Z' });
    expect(made.body).toMatchObject({
      status: 'running',
      startsAt: null,
      schedule: { startAt: '2030-01-10T11:59:59.000Z', startAtPassed: true },
    });
    const { destinationId } = made.body;
    const busy = await ask({ startAt: '2030-01-10T11:59:59Z' }, { destinationId });
    expect(busy.body.code).toBe('replay_running');
  });

  test('can be put off, brought forward, and begun now', async () => {
    const { id } = (await ask({ startAt: '2030-01-10T20:00:00Z' })).body;
    const later = await patch(id, { schedule: { startAt: '2030-01-11T20:00:00Z' } });
    expect(later).toMatchObject({ status: 200, body: { startsAt: '2030-01-11T20:00:00.000Z' } });
    await clock.set('2030-01-11T20:00:30Z');
    expect(await read(id)).toMatchObject({ status: 'planned', statusReason: 'waiting_for_worker' });
    const now = await patch(id, { schedule: null });
    expect(now.body).toMatchObject({ status: 'running', startsAt: null, schedule: null });
    const again = await patch(id, { schedule: { startAt: '2030-01-12T20:00:00Z' } });
    expect(again).toMatchObject({ status: 422, body: { errors: [{ pointer: '/schedule/startAt' }] } });
  });

  test('keeps its hours, their pace and their time zone when its begin changes, and the other way round', async () => {
    const windows = [{ from: '22:00', to: '06:00', eventsPerSecond: 5 }];
    const startAt = '2030-01-10T20:00:00.000Z';
    const berlin = { startAt, timeZone: 'Europe/Berlin', windows };
    const { id } = (await ask(berlin)).body;
    const schedules = async (schedule: unknown) => (await patch(id, { schedule })).body.schedule;
    const later = { ...berlin, startAt: '2030-01-11T20:00:00.000Z' };
    expect(await schedules({ startAt: later.startAt })).toEqual(later);
    expect(await schedules({ timeZone: 'Asia/Tokyo' })).toEqual({ ...later, timeZone: 'Asia/Tokyo' });
    const byDay = [{ from: '08:00', to: '18:00' }];
    expect(await schedules({ windows: byDay })).toEqual({ ...later, timeZone: 'Asia/Tokyo', windows: byDay });
    expect(await schedules({ windows: null })).toEqual({ startAt: later.startAt, timeZone: 'Asia/Tokyo' });
    const begun = await patch(id, { schedule: { startAt: null } });
    expect(begun.body).toMatchObject({ status: 'running', startsAt: null, schedule: null });
    expect(await patch(id, { schedule: { timeZone: 'UTC' } })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/schedule', detail: expect.stringContaining('no schedule') as string }] },
    });
  });

  test('takes another pace and range before it begins, and has them when it does', async () => {
    const { id, destinationId } = (
      await ask({ startAt: '2030-01-10T20:00:00Z' }, { range: { by: 'position', to: 3 } })
    ).body;
    const changed = await patch(id, { range: { to: 4 }, pace: { eventsPerSecond: 9 }, labels: ['tonight'] });
    expect(changed).toMatchObject({
      status: 200,
      body: { status: 'planned', counts: { selected: 4 }, range: { toPosition: 4 } },
    });
    expect((await api.call('GET', '/api/replays?status=planned&label=tonight')).body.data).toMatchObject([
      { id },
    ]);
    const begun = await patch(id, { schedule: null });
    expect(begun.body).toMatchObject({
      status: 'running',
      pace: { eventsPerSecond: 9 },
      range: { to: 4, toPosition: 4 },
      request: { destinationId, range: { by: 'position', to: 3 }, pace: {} },
    });
  });

  test('begun now while another one runs, it waits for that one', async () => {
    const { id, destinationId } = (await ask({ startAt: '2030-01-10T20:00:00Z' })).body;
    const running = (await ask(undefined, { destinationId })).body;
    const waits = await patch(id, { schedule: null });
    expect(waits.body).toMatchObject({ status: 'planned', statusReason: 'waits_for_replay' });
    await steer(running.id, 'cancel');
    expect(await read(id)).toMatchObject({ status: 'running', statusReason: null });
  });
});

describe('a replay with windows', () => {
  test('outside of them runs, does not send, and says when it goes on; it keeps its destination', async () => {
    const { id, destinationId } = (await ask(nights)).body;
    const opensAt = '2030-01-10T21:00:00.000Z';
    const closed = { status: 'running', statusReason: 'outside_window', opensAt, closesAt: null };
    expect(await read(id)).toMatchObject({ ...closed, openWindow: null, schedule: nights });
    expect((await ask(undefined, { destinationId })).body.code).toBe('replay_running');
    await clock.set('2030-01-10T21:00:01Z');
    expect(await read(id)).toMatchObject({
      status: 'running',
      statusReason: null,
      opensAt: null,
      openWindow: { from: '22:00', to: '06:00' },
      closesAt: '2030-01-11T05:00:00.000Z',
    });
  });

  test('pause and resume hold beside them, and cancel ends it', async () => {
    const { id } = (await ask(nights)).body;
    expect((await steer(id, 'pause')).body).toMatchObject({ status: 'paused', statusReason: null });
    await clock.set('2030-01-10T21:00:01Z');
    expect(await read(id)).toMatchObject({ status: 'paused' });
    await clock.set('2030-01-11T12:00:00Z');
    expect(await steer(id, 'resume')).toMatchObject({
      status: 200,
      body: { statusReason: 'outside_window' },
    });
    expect(await steer(id, 'cancel')).toMatchObject({
      status: 200,
      body: { status: 'cancelled', opensAt: null, openWindow: null },
    });
    expect((await patch(id, { schedule: null })).body.code).toBe('replay_ended');
  });

  test('they change while it runs, together with its pace and range; null takes them away', async () => {
    const { id } = (await ask(nights, { range: { by: 'position', to: 3 } })).body;
    const windows = [{ from: '12:00', to: '14:00', days: ['thu'], eventsPerSecond: 7 }];
    const open = await patch(id, {
      schedule: { timeZone: 'UTC', windows },
      pace: { eventsPerSecond: 100 },
      range: { to: 5 },
    });
    expect(open).toMatchObject({
      status: 200,
      body: {
        statusReason: null,
        closesAt: '2030-01-10T14:00:00.000Z',
        openWindow: windows[0],
        pace: { eventsPerSecond: 100 },
        counts: { selected: 5 },
        request: { schedule: nights },
      },
    });
    expect((await patch(id, { schedule: null })).body).toMatchObject({ closesAt: null, schedule: null });
  });
});

test('who watches a replay hears when its window opens', async () => {
  const { id } = (await ask(nights)).body;
  const response = await fetch(`${api.url}/api/replays/${id}/progress`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const events = serverSentEvents(response);
  const next = async (): Promise<unknown> => {
    const { value } = await events.next();
    return value?.data === undefined ? await next() : JSON.parse(value.data);
  };
  expect(await next()).toMatchObject({ statusReason: 'outside_window', opensAt: '2030-01-10T21:00:00.000Z' });
  await clock.set('2030-01-10T21:00:01Z');
  expect(await next()).toMatchObject({ opensAt: null, closesAt: '2030-01-11T05:00:00.000Z' });
  await events.return(undefined);
});

test('what no schedule can be is refused where it stands, with the remedy', async () => {
  const window = { from: '22:00', to: '06:00' };
  const zone = 'There is no time zone of this name.';
  const cases: [unknown, string, string][] = [
    [{}, '', 'Name'],
    [{ startAt: 'tonight' }, '/startAt', 'Expected an RFC 3339 time such as "2026-10-14T02:00:00Z".'],
    [{ startAt: '0000-01-01T00:00:00Z' }, '/startAt', 'Expected a time from year 1 to 9999'],
    [{ windows: [] }, '/windows', 'Expected at least 1 item.'],
    [
      { windows: [{ from: '22:00', to: '22:00' }] },
      '/windows/0/to',
      'The window has no length. For the whole day say from "00:00" to "24:00".',
    ],
    [{ windows: [{ from: '24:00', to: '06:00' }] }, '/windows/0/from', 'Expected a time on the wall'],
    [{ windows: [{ from: '9:00', to: '10:00' }] }, '/windows/0/from', 'Expected a time on the wall'],
    [{ windows: [{ ...window, days: ['mon', 'mon'] }] }, '/windows/0/days', 'Name each day once.'],
    [{ windows: [{ ...window, day: ['mon'] }] }, '/windows/0/day', 'Did you mean "days"?'],
    [{ windows: [window], timeZone: 'Europe/Berln' }, '/timeZone', `${zone} Did you mean "Europe/Berlin"?`],
    [{ windows: [window], timeZone: 'new york' }, '/timeZone', `${zone} Did you mean "America/New_York"?`],
    [{ windows: [window], timeZone: '+02:00' }, '/timeZone', `${zone} Give a name such as "Europe/Berlin"`],
  ];
  const { id } = (await ask(nights)).body;
  for (const [schedule, pointer, detail] of cases) {
    const fault = { pointer: `/schedule${pointer}`, detail: expect.stringContaining(detail) as string };
    expect(await ask(schedule), detail).toMatchObject({ status: 422, body: { errors: [fault] } });
    expect(await patch(id, { schedule }), detail).toMatchObject({ status: 422, body: { errors: [fault] } });
  }
});

test('a window with fewer requests at once than lanes is refused, at the creation and afterwards', async () => {
  const schedule = { windows: [{ from: '22:00', to: '06:00', maxConcurrent: 2 }] };
  const errors = [{ pointer: '/schedule/windows/0/maxConcurrent' }];
  expect(await ask(schedule, { pace: { lanes: 3 } })).toMatchObject({ status: 422, body: { errors } });
  const { id } = (await ask(nights, { pace: { lanes: 3 } })).body;
  expect(await patch(id, { schedule })).toMatchObject({ status: 422, body: { errors } });
});

test('the command line changes hours, zone and begin, and takes each away by `none`', async () => {
  const { id } = (await ask({ startAt: '2030-01-11T20:00:00Z', ...nights })).body;
  const cli = commandLine(api.url, adminToken, testFolder());
  const change = async (...options: string[]) => {
    const done = await cli.run(['replay', 'change', id, ...options]);
    expect(done, done.stderr).toMatchObject({ code: 0 });
    return (await read(id)).schedule;
  };
  const other = { timeZone: 'Asia/Tokyo', windows: [{ from: '01:00', to: '02:00' }] };
  expect(await change('--hours', '01:00-02:00', '--time-zone', 'Asia/Tokyo')).toMatchObject(other);
  expect(await change('--hours', 'none')).toEqual({
    startAt: '2030-01-11T20:00:00.000Z',
    timeZone: 'Asia/Tokyo',
  });
  expect(await change('--start', 'none')).toBeNull();
  expect(await read(id)).toMatchObject({ status: 'running', startsAt: null });
});
