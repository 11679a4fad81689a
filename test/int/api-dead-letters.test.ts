import { randomUUID } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { countReplay } from '../../src/db/replay-count.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { openStreamRun } from '../../src/db/streams.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, newReplay, runToEnd, turns } from '../support/engine.ts';
import { newSource, trackEvent } from '../support/events.ts';

const db = await testDatabase();
const api = await testApi(db);
const shop = await newSource(db);
const app = await newSource(db);

const response = { headers: { 'content-type': 'text/plain' }, body: 'no' };
const failure = { errorClass: 'http_400', message: 'refused', status: 400, tookMs: 12, response };

interface Letter {
  readonly id: string;
  readonly position: number;
}
const list = async (query: string): Promise<{ data: Letter[]; nextCursor: string | null }> =>
  (await api.call('GET', `/api/dead-letters?${query}`)).body;
const ids = (letters: readonly Letter[]) => letters.map(({ id }) => id).toSorted();

/**
 * A destination with four dead letters of four events: one of its stream, three of a replay that has ended. They died
 * in one moment.
 */
async function scene() {
  const { head } = await appendEvents(db, [
    trackEvent(shop, { messageId: randomUUID(), userId: 'ann' }),
    trackEvent(shop, { messageId: randomUUID(), userId: 'bob' }),
    trackEvent(app, { messageId: randomUUID(), userId: 'bob' }),
    trackEvent(app, { messageId: randomUUID(), userId: 'carl', anonymousId: 'ann' }),
  ]);
  const settings = { url: 'https://example.com/events' };
  const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings });
  const destinationId = made.body.id as string;
  const pace = { eventsPerSecond: 30, lanes: 2 };
  const asked = { destinationId, order: 'none', pace, mode: 'all' };
  const replayId = (await api.call('POST', '/api/replays', asked)).body.id as string;
  await api.call('POST', `/api/replays/${replayId}/cancel`);
  const stream = (await openStreamRun(db, destinationId))!.id;
  const letters: Letter[] = [];
  for (const [runId, offset, errorClass] of [
    [stream, 3, 'http_400'],
    [replayId, 2, 'timeout'],
    [replayId, 1, 'http_400'],
    [replayId, 0, 'http_400'],
  ] as const) {
    const [id, position] = [randomUUID(), head - offset];
    await db.run(sql`
      insert into dead_letter (id, run_id, destination_id, action_id, action_version, position, error_class, failure,
        attempts, first_failed_at, died_at)
      values (${id}, ${runId}, ${destinationId}, ${made.body.actions[0].id}, 1, ${position}, ${errorClass},
        ${JSON.stringify({ ...failure, errorClass })}::jsonb, 3, now(), '2026-01-01T00:00:00.000001Z')`);
    letters.push({ id, position });
  }
  const [inStream, timedOut, refused, last] = letters as [Letter, Letter, Letter, Letter];
  return { destinationId, replayId, inStream, timedOut, refused, last, head };
}

describe('looking at dead letters', () => {
  test('the list is newest first, and filtered by where and how they died, and whose they are', async () => {
    const { destinationId, replayId, inStream, timedOut, refused, last } = await scene();
    const find = async (query: string) => ids((await list(`destinationId=${destinationId}&${query}`)).data);
    expect(await find('')).toEqual(ids([inStream, timedOut, refused, last]));
    expect(await find(`replayId=${replayId}`)).toEqual(ids([timedOut, refused, last]));
    expect(await find('diedIn=stream')).toEqual([inStream.id]);
    expect(await find('diedIn=replay&errorClass=http_400')).toEqual(ids([refused, last]));
    expect(await find('user=ann')).toEqual(ids([inStream, last]));
    expect(await find(`user=bob&source=${app}`)).toEqual([refused.id]);
    const first = await list(`destinationId=${destinationId}&limit=3`);
    const rest = await list(`destinationId=${destinationId}&limit=3&cursor=${first.nextCursor}`);
    expect(ids([...first.data, ...rest.data])).toEqual(await find(''));
    expect(rest.nextCursor).toBeNull();
  });

  test('one is read with its failure, its event, and whether it can be retried', async () => {
    const { destinationId, inStream } = await scene();
    const read = async () => (await api.call('GET', `/api/dead-letters/${inStream.id}`)).body;
    expect(await read()).toMatchObject({
      id: inStream.id,
      destinationId,
      replayId: null,
      event: { type: 'track', name: 'Tested', userId: 'ann', anonymousId: null, sourceId: shop },
      errorClass: 'http_400',
      failure: { message: 'refused', status: 400, tookMs: 12, response },
      attempts: 3,
      retriedBy: null,
      open: true,
    });
    await db.run(sql`update dead_letter set position = 999999 where id = ${inStream.id}`);
    expect(await read()).toMatchObject({ event: null, open: false });
    expect((await api.call('GET', `/api/dead-letters/${randomUUID()}`)).status).toBe(404);
  });

  test('the classes count them by destination and failure, with the newest sample', async () => {
    const { destinationId, replayId, inStream, timedOut } = await scene();
    const classes = async (query: string) =>
      (await api.call('GET', `/api/dead-letters/classes?${query}`)).body.data;
    await db.run(sql`update dead_letter set died_at = '2026-02-01T00:00:00Z' where id = ${inStream.id}`);
    const all = await classes(`destinationId=${destinationId}`);
    expect(all).toMatchObject([
      {
        destinationId,
        errorClass: 'http_400',
        count: 3,
        firstDiedAt: '2026-01-01T00:00:00.000Z',
        lastDiedAt: '2026-02-01T00:00:00.000Z',
        sample: { id: inStream.id, failure: { response } },
      },
      { errorClass: 'timeout', count: 1, sample: { id: timedOut.id } },
    ]);
    expect(await classes(`replayId=${replayId}&open=true&user=bob`)).toMatchObject([
      { count: 1 },
      { count: 1 },
    ]);
    expect(await classes(`replayId=${replayId}&open=false`)).toEqual([]);
    expect((await classes('diedIn=stream')).length).toBeGreaterThan(0);
  });
});

test('a replay tells its dead letters by kind of failure, the most frequent first, over its lanes', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(24, 24));
  const answers: Record<string, number> = { u0: 400, u5: 422, u10: 422, u15: 400, u20: 422 };
  engine.sink.answer = ({ userId }) => answers[userId] ?? 200;
  const run = await newReplay(engine, { pace: { lanes: 2 } });
  await runToEnd(engine, run);
  const { body } = await api.call('GET', `/api/replays/${run}`);
  expect(Object.entries(body.deadByClass)).toEqual([
    ['http_422', 3],
    ['http_400', 2],
  ]);
  const { data } = (await api.call('GET', `/api/replays?destinationId=${engine.destinationId}`)).body;
  expect(data).toMatchObject([{ deadByClass: body.deadByClass }]);
  expect((await list(`replayId=${run}`)).data).toHaveLength(5);
});

describe('retrying', () => {
  const retry = (body: unknown, headers?: Record<string, string>) =>
    api.call('POST', '/api/dead-letters/retry', body, headers);

  test('by kind of failure makes a replay over exactly those, and marks them', async () => {
    const { destinationId, inStream, refused, last } = await scene();
    const made = await retry({ destinationId, errorClass: 'http_400' });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/api/replays/${made.body.id}`);
    expect(made.body).toMatchObject({
      destinationId,
      parentId: null,
      status: 'running',
      request: { mode: 'failed', newIds: false, range: { by: 'position' }, order: 'user' },
      counts: { selected: 3, selectedExact: true },
      range: { fromPosition: inStream.position, toPosition: last.position, cutToStream: false },
    });
    const taken = await list(`destinationId=${destinationId}&open=false`);
    expect(taken.data).toMatchObject([1, 2, 3].map(() => ({ retriedBy: made.body.id, open: false })));
    expect(ids(taken.data)).toEqual(ids([inStream, refused, last]));
  });

  test('of more than there is time to mark answers at once, and says what is known', async () => {
    const { destinationId, replayId } = await scene();
    const started = vi.spyOn(api.deps.orchestrator, 'startReplay');
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 5_000));
    const made = await api.call('POST', `/api/replays/${replayId}/retry-failed`);
    const beside = await retry({ destinationId, replayId });
    clock.mockRestore();
    expect(made).toMatchObject({
      status: 201,
      body: {
        status: 'running',
        statusReason: 'taking_up',
        counts: { selected: 0, selectedExact: false, remaining: 0 },
        etaSeconds: null,
      },
    });
    expect(beside.body).toMatchObject({ status: 'planned', counts: { selected: 0, selectedExact: false } });
    expect((await list(`destinationId=${destinationId}&open=true`)).data).toHaveLength(1);
    expect(started.mock.calls).toMatchObject([[{ replayId: made.body.id, takesUp: true }, null]]);
    started.mockRestore();
    const read = async (id: string) => (await api.call('GET', `/api/replays/${id}`)).body;
    await countReplay(db, made.body.id, () => true);
    expect(await read(made.body.id)).toMatchObject({
      status: 'running',
      statusReason: null,
      counts: { selected: 3, selectedExact: true, remaining: 3 },
    });
    await countReplay(db, beside.body.id, () => true);
    expect((await read(beside.body.id)).counts).toMatchObject({ selected: 0, selectedExact: true });
  });

  test('what one replay gave up on is a child of it, with its pace, order and kind of ids', async () => {
    const { replayId, timedOut, last } = await scene();
    await db.run(sql`update run set events_per_second = 5 where id = ${replayId}`); // its pace was changed
    const made = await api.call('POST', `/api/replays/${replayId}/retry-failed`);
    expect(made).toMatchObject({
      status: 201,
      body: {
        parentId: replayId,
        request: { mode: 'failed', newIds: true, order: 'none' },
        pace: { eventsPerSecond: 5, maxConcurrent: null, lanes: 1 },
        counts: { selected: 3 },
        range: { fromPosition: timedOut.position, toPosition: last.position },
      },
    });
  });

  test('named ones, of one replay', async () => {
    const { destinationId, replayId, timedOut, inStream } = await scene();
    const named = { destinationId, replayId, ids: [timedOut.id, inStream.id] };
    const made = await retry(named);
    expect(made.body).toMatchObject({ parentId: replayId, counts: { selected: 1 } });
    expect((await list(`destinationId=${destinationId}&open=false`)).data).toMatchObject([
      { id: timedOut.id },
    ]);
  });

  test('of a busy destination is planned: it waits for its turn, paused or not', async () => {
    const { destinationId, replayId } = await scene();
    const running = await api.call('POST', '/api/replays', { destinationId });
    expect(running.status).toBe(201);
    await api.call('PATCH', `/api/replays/${replayId}`, { labels: ['incident-1'] });
    const made = await api.call('POST', `/api/replays/${replayId}/retry-failed`);
    expect(made).toMatchObject({
      status: 201,
      body: {
        parentId: replayId,
        labels: ['incident-1'],
        status: 'planned',
        statusReason: 'waits_for_replay',
      },
    });
    const say = (verb: string) => api.call('POST', `/api/replays/${made.body.id}/${verb}`);
    expect(await say('resume')).toMatchObject({ status: 409, body: { code: 'replay_planned' } });
    expect(await say('pause')).toMatchObject({ status: 200, body: { status: 'paused' } });
    await api.call('POST', `/api/replays/${running.body.id}/cancel`);
    expect((await api.call('GET', `/api/replays/${made.body.id}`)).body.status).toBe('paused');
    await say('resume');
    expect((await api.call('GET', `/api/replays/${made.body.id}`)).body.status).toBe('running');
    const next = await api.call('POST', `/api/replays/${replayId}/retry-failed`);
    expect(next.body.code).toBe('nothing_to_retry'); // the planned one has them
  });

  test('with nothing left is refused, makes no replay, and says who took them up', async () => {
    const { destinationId, replayId } = await scene();
    const none = await retry({ destinationId, errorClass: 'dns' });
    expect(none.body).toMatchObject({ status: 409, code: 'nothing_to_retry' });
    expect(none.body.detail).toContain('open=true');
    expect(none.body).not.toHaveProperty('replayId');
    const made = await api.call('POST', `/api/replays/${replayId}/retry-failed`);
    const taken = await retry({ destinationId, replayId });
    expect(taken.body).toMatchObject({ status: 409, code: 'nothing_to_retry', replayId: made.body.id });
    await db.run(sql`
      update run set ended_at = now(), ended_as = 'completed_with_failures' where id = ${made.body.id}`);
    await db.run(sql`
      insert into dead_letter (id, run_id, destination_id, action_id, action_version, position, error_class, failure,
        attempts, first_failed_at)
      select gen_random_uuid(), ${made.body.id}, destination_id, action_id, 1, position, error_class, failure, 1, now()
      from dead_letter where run_id = ${replayId}`);
    const again = await api.call('POST', `/api/replays/${replayId}/retry-failed`);
    expect(again.body).toMatchObject({ status: 409, code: 'nothing_to_retry', replayId: made.body.id });
    expect(again.body.detail).toContain(made.body.id);
    const { data } = (await api.call('GET', `/api/replays?destinationId=${destinationId}`)).body;
    expect(data).toHaveLength(2);
  });

  test('under a key is done once', async () => {
    const { destinationId } = await scene();
    const key = { 'idempotency-key': randomUUID() };
    const first = await retry({ destinationId }, key);
    await setReplayDesired(db, first.body.id, 'cancelled');
    const again = await retry({ destinationId }, key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
  });

  test('names the field that is at fault, and what is not there', async () => {
    const { destinationId, inStream } = await scene();
    const other = await scene();
    const pointerOf = async (body: object) => (await retry(body)).body.errors[0].pointer;
    expect(await pointerOf({ destinationId: randomUUID() })).toBe('/destinationId');
    expect(await pointerOf({})).toBe('/destinationId');
    expect(await pointerOf({ destinationId, replayId: other.replayId })).toBe('/replayId');
    expect(await pointerOf({ destinationId, ids: [inStream.id, other.inStream.id] })).toBe('/ids/1');
    expect(await pointerOf({ destinationId, ids: [] })).toBe('/ids');
    expect((await api.call('POST', `/api/replays/${randomUUID()}/retry-failed`)).status).toBe(404);
    await db.run(sql`update destination set disabled_reason = 'gone' where id = ${destinationId}`);
    expect((await retry({ destinationId })).body.code).toBe('destination_disabled');
  });
});
