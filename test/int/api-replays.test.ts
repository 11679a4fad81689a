import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { endStream } from '../../src/db/streams.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { holdLane, obey } from '../support/lease.ts';

const db = await testDatabase();
const api = await testApi(db);
const source = await newSource(db);
const { head } = await appendEvents(
  db,
  Array.from({ length: 5 }, () => trackEvent(source)),
);

async function connect(): Promise<string> {
  const settings = { url: 'https://example.com/events' };
  const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'Warehouse', settings });
  return made.body.id as string;
}
const ask = async (more: Record<string, unknown> = {}) =>
  await api.call('POST', '/api/replays', { destinationId: await connect(), ...more });
const steer = (id: string, verb: string) => api.call('POST', `/api/replays/${id}/${verb}`);
const pace = (id: string, wanted: unknown) => api.call('PATCH', `/api/replays/${id}`, { pace: wanted });

describe('asking for a replay', () => {
  test('needs only a destination: what it lacks of all that lies below its stream', async () => {
    const made = await ask();
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      status: 'running',
      statusReason: null,
      request: { mode: 'missing', newIds: false, order: 'user', range: { by: 'received' }, pace: {} },
      pace: { eventsPerSecond: null, maxConcurrent: null, lanes: 1 },
      counts: { selected: 5, selectedExact: true, delivered: 0, waiting: 0, dead: 0, remaining: 5 },
      range: { fromPosition: 1, toPosition: head, cutToStream: false },
      canary: null,
      brakesReleased: [],
      cursor: { position: 0, receivedAt: null },
      rate: 0,
      etaSeconds: null,
      workflow: { id: `replay/${made.body.destinationId}/${made.body.id}`, url: null },
      endedAt: null,
    });
    const { warnings: _, ...replay } = made.body;
    expect((await api.call('GET', made.headers.get('location') ?? '')).body).toEqual(replay);
  });

  test('gives every field back, its relative times frozen', async () => {
    const asked = Date.now();
    const made = await ask({
      range: { from: '30d', to: '1h' },
      filter: { types: ['track'], names: ['Tested'], users: ['user-1'], sources: [source] },
      exclude: { users: ['user-2'] },
      mode: 'all',
      pace: { eventsPerSecond: 12.5, maxConcurrent: 3, lanes: 4 },
      order: 'none',
      label: 'October outage',
    });
    const { request } = made.body;
    expect(request).toMatchObject({ mode: 'all', newIds: true, order: 'none', label: 'October outage' });
    expect(Math.abs(Date.parse(request.range.from) - (asked - 30 * 86_400_000))).toBeLessThan(60_000);
    expect(Math.abs(Date.parse(request.range.to) - (asked - 3_600_000))).toBeLessThan(60_000);
    expect(request.pace).toEqual({ eventsPerSecond: 12.5, maxConcurrent: 3, lanes: 4 });
    expect(made.body).toMatchObject({
      label: 'October outage',
      pace: { eventsPerSecond: 12.5, maxConcurrent: 3, lanes: 3 }, // each needs a request of its own
    });
  });

  test('is cut where the stream of the destination owns, and says so', async () => {
    const made = await ask({ range: { by: 'position', from: 2, to: 1_000_000 } });
    expect(made.body.range).toMatchObject({ fromPosition: 2, toPosition: head, cutToStream: true });
  });

  test('a second one is refused with the id of the first, until that is over', async () => {
    const first = await ask();
    const { destinationId } = first.body;
    const refused = await api.call('POST', '/api/replays', { destinationId });
    expect(refused.body).toMatchObject({ status: 409, code: 'replay_running', replayId: first.body.id });
    await steer(first.body.id, 'cancel');
    expect((await api.call('POST', '/api/replays', { destinationId })).status).toBe(201);
  });

  test('two at once: one is made, the other refused', async () => {
    const destinationId = await connect();
    const both = await Promise.all([1, 2].map(() => api.call('POST', '/api/replays', { destinationId })));
    expect(both.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([201, 409]);
  });

  test('a destination that went away by itself is refused, one that a person disabled is not', async () => {
    const gone = await connect();
    await db.run(sql`update destination set enabled = false, disabled_reason = 'gone' where id = ${gone}`);
    const refused = await api.call('POST', '/api/replays', { destinationId: gone });
    expect(refused.body).toMatchObject({ status: 409, code: 'destination_disabled' });
    const off = await connect();
    await api.call('PATCH', `/api/destinations/${off}`, { enabled: false });
    expect((await api.call('POST', '/api/replays', { destinationId: off })).status).toBe(201);
  });

  test.each([
    [{ range: { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' } }, '/range/to', 'after `from`'],
    [{ range: { from: '1d', to: '2d' } }, '/range/to', 'after `from`'],
    [{ range: { from: 5 } }, '/range/from', 'by: "position"'],
    [{ range: { by: 'position', from: '5' } }, '/range/from', 'RFC 3339'],
    [{ range: { by: 'position', from: '2026-01-02T00:00:00Z' } }, '/range/from', 'whole number'],
    [{ range: { by: 'position', from: 0 } }, '/range/from', 'more than 0'],
    [{ range: { from: 'yesterday' } }, '/range/from', '"30d"'],
    [{ range: { by: 'sent' } }, '/range/by', '"received" or "event" or "position"'],
    [{ range: { from: '2026-02-30T00:00:00Z' } }, '/range/from', 'RFC 3339'],
    [{ filter: { event: ['x'] } }, '/filter/event', 'known are'],
    [{ filter: { type: ['track'] } }, '/filter/type', 'Did you mean "types"?'],
    [{ filter: { types: [] } }, '/filter/types', 'at least 1 item'],
    [{ filter: { types: ['click'] } }, '/filter/types/0', '"identify"'],
    [{ filter: { sources: ['x'] } }, '/filter/sources/0', 'UUID'],
    [{ filter: { fql: 'type = ' } }, '/filter/fql', 'Line 1, column 8'],
    [{ mode: 'some' }, '/mode', '"missing" or "all" or "failed"'],
    [{ pace: { eventsPerSecond: -1 } }, '/pace/eventsPerSecond', 'more than 0'],
    [{ pace: { lanes: 65 } }, '/pace/lanes', 'at most 64'],
    [{ order: 'strict', pace: { lanes: 2 } }, '/pace/lanes', 'single lane'],
    [{ label: 'a\0' }, '/label', 'NUL'],
    [{ profiles: 'latest', mode: 'failed' }, '/profiles', 'ask for mode "missing"'],
    [{ canary: {} }, '/canary/events', 'number'],
    [{ canary: { events: 0 } }, '/canary/events', 'at least 1'],
    [{ schedules: {} }, '/schedules', 'Did you mean "schedule"'],
    [{ planId: randomUUID() }, '/planId', 'not known'],
    [{ destinationId: randomUUID() }, '/destinationId', 'no destination'],
  ])('%j is refused at %s', async (more, pointer, text) => {
    const refused = await api.call('POST', '/api/replays', { destinationId: randomUUID(), ...more });
    expect(refused.body).toMatchObject({ status: 422, code: 'invalid_body' });
    const fault = refused.body.errors.find((error: { pointer: string }) => error.pointer === pointer);
    expect(fault?.detail).toContain(text);
  });

  test('text that Postgres cannot hold is looked for as the archive holds it', async () => {
    const made = await ask({ filter: { users: ['a\0b', 'c\ud800'] } });
    expect(made.body.request.filter.users).toEqual(['a\uFFFDb', 'c\uFFFD']);
  });
});

describe('reading replays', () => {
  test('the list is filtered and goes on without skip or repeat', async () => {
    const destinationId = await connect();
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const made = await api.call('POST', '/api/replays', { destinationId });
      ids.unshift(made.body.id);
      if (count < 4) await steer(made.body.id, 'cancel');
    }
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = await api.call('GET', `/api/replays?destinationId=${destinationId}&limit=2${query}`);
      seen.push(...page.body.data.map((replay: { id: string }) => replay.id));
      cursor = page.body.nextCursor;
    }
    expect(seen).toEqual(ids);
    const open = await api.call('GET', `/api/replays?destinationId=${destinationId}&open=true`);
    expect(open.body.data.map((replay: { id: string }) => replay.id)).toEqual(ids.slice(0, 1));
    const over = await api.call('GET', `/api/replays?destinationId=${destinationId}&open=false`);
    expect(over.body.data).toHaveLength(4);
  });

  test('counts of all lanes add up with what remains; progress has its rate and time left', async () => {
    const made = await ask({ pace: { lanes: 2 } });
    const { id } = made.body;
    const action = randomUUID();
    const counts = [
      { events: { delivered: 3, dead: 1 }, byAction: { [action]: { delivered: 3, dead: 1 } } },
      {
        events: { delivered: 2, waiting: 1, filtered: 4 },
        byAction: { [action]: { delivered: 2 } },
        reasons: { integrations: 4 },
        deadByClass: {},
      },
    ];
    await db.run(sql`update run set selected = 31, counted_to = to_position where id = ${id}`);
    for (const [lane, part] of counts.entries()) {
      await db.run(sql`
        update lane set counts = ${JSON.stringify(part)}::jsonb, mark = ${3 + lane}, rate = 2, lease_released = false,
          lease_renewed_at = clock_timestamp() where run_id = ${id} and lane = ${lane}`);
    }
    const { body } = await api.call('GET', `/api/replays/${id}`);
    expect(body).toMatchObject({
      status: 'running',
      statusReason: null,
      counts: {
        selected: 31,
        selectedExact: true,
        delivered: 5,
        dead: 1,
        waiting: 1,
        filtered: 4,
        remaining: 20,
      },
      byAction: { [action]: { delivered: 5, dead: 1 } },
      reasons: { integrations: 4 },
      cursor: { position: 3 },
      rate: 4,
      etaSeconds: 5,
    });
  });
});

describe('steering', () => {
  test('pause, resume and cancel are true at once with no worker running, and harmless again', async () => {
    const { id } = (await ask()).body;
    for (const [verb, status] of [
      ['pause', 'paused'],
      ['pause', 'paused'],
      ['resume', 'running'],
      ['resume', 'running'],
      ['cancel', 'cancelled'],
      ['cancel', 'cancelled'],
    ] as const) {
      const answer = await steer(id, verb);
      expect([verb, answer.status, answer.body.status]).toEqual([verb, 200, status]);
    }
    expect((await api.call('GET', `/api/replays/${id}`)).body.endedAt).not.toBeNull();
  });

  test('what a worker has not confirmed within 3 s is on the way', async () => {
    const { id } = (await ask()).body;
    const holder = await holdLane(db, id);
    const pausing = await steer(id, 'pause');
    expect([pausing.status, pausing.body.status]).toEqual([202, 'pausing']);
    const pause = steer(id, 'pause');
    await obey(db, id);
    expect((await pause).body.status).toBe('paused');
    const cancelling = await steer(id, 'cancel');
    expect([cancelling.status, cancelling.body.status]).toEqual([202, 'cancelling']);
    await holder.release();
    expect((await steer(id, 'cancel')).body.status).toBe('cancelled');
  });

  test('a replay that is over cannot be changed, and says how it ended', async () => {
    const { id } = (await ask()).body;
    await steer(id, 'cancel');
    for (const answer of [
      await steer(id, 'pause'),
      await steer(id, 'resume'),
      await pace(id, { maxConcurrent: 1 }),
    ]) {
      expect(answer.body).toMatchObject({ status: 409, code: 'replay_ended', replayStatus: 'cancelled' });
      expect(answer.body.detail).toContain('cancelled');
    }
  });

  test('the pace changes in parts, and null takes a limit away', async () => {
    const { id } = (await ask({ pace: { eventsPerSecond: 30, maxConcurrent: 2 } })).body;
    expect((await pace(id, { eventsPerSecond: 200 })).body.pace).toEqual({
      eventsPerSecond: 200,
      maxConcurrent: 2,
      lanes: 1,
    });
    expect((await pace(id, { eventsPerSecond: null })).body.pace).toEqual({
      eventsPerSecond: null,
      maxConcurrent: 2,
      lanes: 1,
    });
    expect((await pace(id, { lanes: 2 })).body.errors[0].pointer).toBe('/pace/lanes');
    expect((await pace(id, { eventsPerSecond: 0 })).status).toBe(422);
    expect((await api.call('PATCH', `/api/replays/${id}`, { mode: 'all' })).status).toBe(422);
  });

  test('fewer requests at once than lanes are refused, with the remedy', async () => {
    const { id, pace: made } = (await ask({ pace: { lanes: 3, maxConcurrent: 5 } })).body;
    expect(made.lanes).toBe(3);
    const refused = await pace(id, { maxConcurrent: 2 });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/pace/maxConcurrent' }] } });
    expect(refused.body.errors[0].detail).toMatch(/3 lanes.*at least 3.*fewer lanes/);
    expect((await pace(id, { maxConcurrent: 3 })).body.pace).toMatchObject({ maxConcurrent: 3, lanes: 3 });
  });

  test('what is not there is not found', async () => {
    const id = randomUUID();
    const answers = [
      await api.call('GET', `/api/replays/${id}`),
      await api.call('GET', `/api/replays/${id}/progress`),
      await pace(id, { maxConcurrent: 1 }),
      await steer(id, 'pause'),
      await steer(id, 'resume'),
      await steer(id, 'cancel'),
    ];
    for (const answer of answers) expect(answer.body).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('a stretch of a stream is no replay', async () => {
    const destinationId = await connect();
    const [run] = await db.rows<{ id: string }>(
      sql`select id from run where destination_id = ${destinationId}`,
    );
    expect((await steer(run?.id ?? '', 'cancel')).status).toBe(404);
    await db.transaction((tx) => endStream(tx, destinationId, 'over'));
  });
});
