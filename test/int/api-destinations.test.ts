import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { sql } from '../../src/db/sql.ts';
import { openStreamRun } from '../../src/db/streams.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { holdLane, obey } from '../support/lease.ts';
import { startReceiver } from '../support/receiver.ts';

const db = await testDatabase();
const api = await testApi(db);
const url = 'https://example.com/events?token=url-canary-7f3a';
const base = { type: 'webhook', name: 'Warehouse', settings: { url } };

async function connect(more: Record<string, unknown> = {}) {
  const made = await api.call('POST', '/api/destinations', { ...base, ...more });
  expect(made.status).toBe(201);
  return made.body;
}
const patch = (id: string, change: unknown) => api.call('PATCH', `/api/destinations/${id}`, change);
const settingsOf = async (id: string) =>
  (
    await db.rows<{ sealed: string }>(sql`select settings_sealed as sealed from destination where id = ${id}`)
  )[0]?.sealed;
const selectionOf = async (run: string) =>
  (await db.rows<{ selection: unknown }>(sql`select selection from run where id = ${run}`))[0]?.selection;

describe('connecting', () => {
  test('opens a stream at the head of the archive, with the presets of the type', async () => {
    const source = await newSource(db);
    const { head } = await appendEvents(db, [trackEvent(source), trackEvent(source)]);
    const made = await connect({ budget: { eventsPerSecond: 50 } });
    expect(made).toMatchObject({
      enabled: true,
      seam: head + 1,
      sources: null,
      budget: { eventsPerSecond: 50 },
      actions: [{ name: 'Send event', version: 1, trigger: null }],
      stream: { status: 'running', cursor: { position: head }, workflow: { id: `stream/${made.id}` } },
    });
    const run = await openStreamRun(db, made.id);
    expect(run).toMatchObject({
      fromPosition: head + 1,
      actions: [{ actionId: made.actions[0].id, version: 1 }],
    });
  });

  test('disabled, it has no stream and no seam until it is enabled', async () => {
    const made = await connect({ enabled: false });
    expect(made).toMatchObject({ enabled: false, seam: null, stream: null });
    const enabled = await patch(made.id, { enabled: true });
    expect(enabled.body).toMatchObject({ enabled: true, stream: { status: 'running' } });
    expect(enabled.body.seam).toBe(enabled.body.stream.cursor.position + 1);
  });

  test.each([
    [{ ...base, type: 'webhok' }, '/type', 'Did you mean "webhook"?'],
    [{ type: 'webhok' }, '/type', 'Did you mean "webhook"?'],
    [{ ...base, settings: {} }, '/settings/url', 'Missing'],
    [{ ...base, settings: { url, ulr: 1 } }, '/settings/ulr', 'Did you mean "url"?'],
    [{ ...base, settings: { url: 'http://10.0.0.1/' } }, '/settings/url', 'REPRISE_EGRESS_ALLOW'],
    [{ ...base, settings: { url: 'ftp://example.com' } }, '/settings/url', 'https:'],
    [{ ...base, settings: { url, secret: 'short' } }, '/settings/secret', 'whsec_'],
    [{ ...base, settings: { url, batchSize: 0 } }, '/settings/batchSize', 'at least 1'],
    [{ ...base, budget: { eventPerSecond: 1 } }, '/budget/eventPerSecond', 'Did you mean "eventsPerSecond"?'],
    [{ ...base, budget: { eventsPerSecond: 0 } }, '/budget/eventsPerSecond', 'more than 0'],
    [{ ...base, sources: [] }, '/sources', 'at least 1'],
    [{ ...base, sources: [randomUUID()] }, '/sources/0', 'null for all sources'],
    [{ ...base, filter: {} }, '/filter', 'Expected a text'],
    [{ ...base, fql: 'type = "track"' }, '/fql', 'not known'],
  ])('%j is refused at %s', async (body, pointer, text) => {
    const refused = await api.call('POST', '/api/destinations', body);
    expect(refused.body).toMatchObject({ status: 422, code: 'invalid_body' });
    const fault = refused.body.errors.find((error: { pointer: string }) => error.pointer === pointer);
    expect(fault?.detail).toContain(text);
  });

  test('a refused one leaves nothing behind', async () => {
    const count = async () => (await db.rows(sql`select 1 from destination`)).length;
    const before = await count();
    await api.call('POST', '/api/destinations', { ...base, sources: [randomUUID()] });
    expect(await count()).toBe(before);
  });
});

describe('settings', () => {
  test('a webhook secret is generated, shown once, and gone from every later answer', async () => {
    const made = await connect();
    expect(made.generated.secret).toMatch(/^whsec_/);
    expect(made.settingsSet).toEqual(expect.arrayContaining(['url', 'secret']));
    const read = await api.call('GET', `/api/destinations/${made.id}`);
    expect(read.body.generated).toBeUndefined();
    expect(read.text).not.toContain(made.generated.secret.slice(6));
  });

  test('a given secret is not shown at all; rotation by null makes a new one', async () => {
    const secret = `whsec_${randomBytes(24).toString('base64')}`;
    const made = await connect({ settings: { url, secret } });
    expect(made.generated).toBeUndefined();
    const sealed = await settingsOf(made.id);
    const rotated = await patch(made.id, { settings: { secret: null } });
    expect(rotated.body.generated.secret).toMatch(/^whsec_/);
    expect(await settingsOf(made.id)).not.toBe(sealed);
    const kept = await patch(made.id, { settings: { timeoutMs: 1_000 } });
    expect(kept.body.generated).toBeUndefined();
  });

  test('no setting reaches an answer, the log or a readable column', async () => {
    const canary = randomBytes(9).toString('hex');
    const made = await connect({ settings: { url, headers: { 'x-api-key': canary } } });
    const read = [
      await patch(made.id, { settings: { headers: { 'x-other': `other-${canary}` } } }),
      await api.call('GET', `/api/destinations/${made.id}`),
      await api.call('GET', '/api/destinations'),
      await patch(made.id, { settings: { headers: { 'x-api-key': `bad\n${canary}` } } }),
      await api.call('POST', '/api/destinations', { ...base, settings: { url, headers: { 'x y': canary } } }),
    ];
    const texts = [JSON.stringify(made), ...read.map((answer) => answer.text), api.log()];
    for (const text of texts) {
      expect(text).not.toContain(canary);
      expect(text).not.toContain('url-canary-7f3a');
    }
    const [row] = await db.rows<{ text: string }>(
      sql`select d::text as text from destination d where id = ${made.id}`,
    );
    expect(row?.text).not.toContain(canary);
  });

  test('members merge: one header more leaves the others, null takes one away', async () => {
    const receiver = await startReceiver();
    const made = await connect({ settings: { url: receiver.url, headers: { a: '1', b: '2' } } });
    await patch(made.id, { settings: { headers: { b: null, c: '3' } } });
    const tested = await api.call('POST', `/api/destinations/${made.id}/test`);
    expect(tested.body).toMatchObject({ ok: true, status: 200 });
    expect(receiver.requests).toHaveLength(1);
    expect(receiver.requests[0]?.headers).toMatchObject({ a: '1', c: '3' });
    expect(receiver.requests[0]?.headers).not.toHaveProperty('b');
  });

  test('sealed with another key they are reported as unreadable, and nothing else breaks', async () => {
    const made = await connect();
    const other = await testApi(db);
    const read = await other.call('GET', `/api/destinations/${made.id}`);
    expect(read.body).toMatchObject({ id: made.id, settingsSet: null });
    expect((await other.call('GET', '/api/destinations')).status).toBe(200);
    const refused = await other.call('POST', `/api/destinations/${made.id}/test`);
    expect(refused.body).toMatchObject({ status: 409, code: 'settings_unreadable' });
    const change = await other.call('PATCH', `/api/destinations/${made.id}`, { settings: { batchSize: 2 } });
    expect(change.body).toMatchObject({ status: 409, code: 'settings_unreadable' });
  });
});

describe('a test event', () => {
  test('that fails says how, without an error status of ours', async () => {
    const receiver = await startReceiver((_, response) => response.writeHead(403).end('no'));
    const made = await connect({ settings: { url: receiver.url } });
    const tested = await api.call('POST', `/api/destinations/${made.id}/test`);
    expect(tested.status).toBe(200);
    expect(tested.body).toMatchObject({ ok: false, status: 403 });
  });
});

describe('changing', () => {
  test('only what is named changes, and workers can tell that something did', async () => {
    const made = await connect({ budget: { eventsPerSecond: 5, maxConcurrent: 2 } });
    const changed = await patch(made.id, {
      name: 'Lake',
      budget: { maxConcurrent: null, requestsPerSecond: 9 },
    });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({ name: 'Lake', seam: made.seam, actions: made.actions });
    expect(changed.body.budget).toEqual({ eventsPerSecond: 5, requestsPerSecond: 9 });
    expect(Date.parse(changed.body.updatedAt)).toBeGreaterThan(Date.parse(made.updatedAt));
  });

  test('with other sources the stream goes on in a new stretch, at once when nobody works it', async () => {
    const [one, two] = [await newSource(db), await newSource(db)];
    const made = await connect({ sources: [one] });
    const first = (await openStreamRun(db, made.id))!;
    expect(await selectionOf(first.id)).toEqual({ liveOnly: true, sources: [one] });
    const changed = await patch(made.id, { sources: [two] });
    expect(changed).toMatchObject({ status: 200, body: { sources: [two], stream: { statusReason: null } } });
    const second = (await openStreamRun(db, made.id))!;
    expect(second.id).not.toBe(first.id);
    expect(await selectionOf(second.id)).toEqual({ liveOnly: true, sources: [two] });
    await patch(made.id, { sources: null });
    expect(await selectionOf((await openStreamRun(db, made.id))!.id)).toEqual({ liveOnly: true });
    expect((await patch(made.id, { name: 'Same sources', sources: null })).status).toBe(200);
  });

  test('with other sources while its stream is at work, the answer waits for the worker, or says that it is on the way', async () => {
    const [one, two] = [await newSource(db), await newSource(db)];
    const made = await connect({ sources: [one] });
    const first = (await openStreamRun(db, made.id))!;
    const holder = await holdLane(db, first.id);
    const asked = await patch(made.id, { sources: [two] });
    expect(asked).toMatchObject({
      status: 202,
      body: { sources: [two], stream: { statusReason: 'changing' } },
    });
    expect((await openStreamRun(db, made.id))!.id).toBe(first.id);
    const again = patch(made.id, { sources: [one, two] });
    await vi.waitFor(async () => expect((await openStreamRun(db, made.id))!.revision).toBe(3));
    await holder.release();
    expect((await again).status).toBe(200);
    const second = (await openStreamRun(db, made.id))!;
    expect(await selectionOf(second.id)).toEqual({ liveOnly: true, sources: [one, two] });
  });

  test('a field that cannot be changed is refused', async () => {
    const made = await connect();
    expect((await patch(made.id, { type: 'webhook' })).body.errors[0].pointer).toBe('/type');
    expect((await patch(randomUUID(), { name: 'x' })).status).toBe(404);
  });
});

describe('the stream', () => {
  test('is paused and resumed with no worker running', async () => {
    const { id } = await connect();
    const paused = await api.call('POST', `/api/destinations/${id}/pause`);
    expect(paused.status).toBe(200);
    expect(paused.body.stream.status).toBe('paused');
    expect((await api.call('POST', `/api/destinations/${id}/pause`)).status).toBe(200);
    const resumed = await api.call('POST', `/api/destinations/${id}/resume`);
    expect(resumed.body.stream.status).toBe('running');
  });

  test('a pause that a worker has not confirmed is on the way, and true once it has', async () => {
    const { id } = await connect();
    const { id: runId } = (await openStreamRun(db, id))!;
    const holder = await holdLane(db, runId);
    const early = await api.call('POST', `/api/destinations/${id}/pause`);
    expect(early.status).toBe(202);
    expect(early.body.stream.status).toBe('pausing');
    const asked = api.call('POST', `/api/destinations/${id}/pause`);
    await obey(db, runId);
    const late = await asked;
    expect([late.status, late.body.stream.status]).toEqual([200, 'paused']);
    await holder.release();
  });

  test('disabling ends it, and pausing then has nothing to pause', async () => {
    const { id } = await connect();
    const disabled = await patch(id, { enabled: false });
    expect(disabled.status).toBe(200);
    expect(disabled.body).toMatchObject({ enabled: false, disabledReason: null, stream: null });
    const refused = await api.call('POST', `/api/destinations/${id}/pause`);
    expect(refused.body).toMatchObject({ status: 409, code: 'destination_disabled' });
    const enabled = await patch(id, { enabled: true });
    expect(enabled.body.stream.status).toBe('running');
    expect(await db.rows(sql`select 1 from run where destination_id = ${id}`)).toHaveLength(2);
  });

  test('disabling under a worker waits for it, and enabling meanwhile is put off', async () => {
    const { id } = await connect();
    const { id: runId } = (await openStreamRun(db, id))!;
    const holder = await holdLane(db, runId);
    const disabled = await patch(id, { enabled: false });
    expect([disabled.status, disabled.body.stream.status]).toEqual([202, 'cancelling']);
    const refused = await patch(id, { enabled: true });
    expect(refused.body).toMatchObject({ status: 409, code: 'stream_stopping' });
    expect((await api.call('GET', `/api/destinations/${id}`)).body.enabled).toBe(false);
    const asked = patch(id, { enabled: true });
    await holder.release();
    expect((await asked).body).toMatchObject({ enabled: true, stream: { status: 'running' } });
  });
});

describe('deleting', () => {
  test('ends its stream and its replay, and leaves the replay readable', async () => {
    const { id } = await connect();
    const replay = await api.call('POST', '/api/replays', { destinationId: id });
    expect((await api.call('DELETE', `/api/destinations/${id}`)).status).toBe(204);
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { name: 'x' }],
      ['DELETE', '', undefined],
      ['POST', '/test', undefined],
      ['POST', '/pause', undefined],
      ['POST', '/resume', undefined],
    ] as const) {
      expect((await api.call(method, `/api/destinations/${id}${path}`, body)).status).toBe(404);
    }
    expect(await openStreamRun(db, id)).toBeNull();
    const read = await api.call('GET', `/api/replays/${replay.body.id}`);
    expect(read.body).toMatchObject({ status: 'cancelled', statusReason: 'destination_deleted' });
    const listed = (await api.call('GET', '/api/destinations?limit=200')).body.data;
    expect(listed.map((one: { id: string }) => one.id)).not.toContain(id);
  });

  test('under a worker says that what is in flight is still being finished', async () => {
    const { id } = await connect();
    const holder = await holdLane(db, (await openStreamRun(db, id))!.id);
    const deleting = await api.call('DELETE', `/api/destinations/${id}`);
    expect([deleting.status, deleting.body]).toEqual([202, { id, status: 'deleting' }]);
    await holder.release();
  });
});
