import { expect, onTestFinished, test } from 'vitest';
import { createNotifier, type Notifier } from '../../src/api/notifications/send.ts';
import { forgetOldOperatorEvents } from '../../src/db/operator-events.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, newReplay, runToEnd, turns } from '../support/engine.ts';
import { toldBy } from '../support/notifications.ts';
import { startRawReceiver, startReceiver, type Received } from '../support/receiver.ts';

const db = await testDatabase();
const api = await testApi(db);
const { id: destinationId } = (
  await api.call('POST', '/api/destinations', {
    type: 'webhook',
    name: 'Warehouse',
    settings: { url: 'https://example.com/events' },
  })
).body;
const shortMs = 500;

interface Options {
  readonly url: string;
  readonly events?: readonly string[];
  readonly name?: string;
}
/** A notification that ends with the test. */
async function notify(options: Options): Promise<{ id: string; secret: string }> {
  const made = await api.call('POST', '/api/notifications', options);
  expect(made.status).toBe(201);
  onTestFinished(async () => void (await api.call('DELETE', `/api/notifications/${made.body.id}`)));
  return made.body;
}
const stateOf = async (id: string) => (await api.call('GET', `/api/notifications/${id}`)).body;

/** Something that operators hear of. @returns its id */
async function happens(type = 'destination.down'): Promise<string> {
  const [row] = await db.rows<{ id: string }>(sql`
    insert into operator_event (type, destination_id, data)
    values (${type}, ${destinationId}, '{"reason": "destination_down: http_500"}') returning id`);
  return row!.id;
}
/** Sends what is due, from so many processes at once. */
async function send(...notifiers: Notifier[]): Promise<void> {
  await Promise.all(notifiers.map((notifier) => notifier.look()));
  await Promise.all(notifiers.map((notifier) => notifier.idle()));
}
const notifier = () => createNotifier(api.deps, shortMs);
/** What waits may be sent now. */
const hurry = async () => {
  await db.run(sql`update notification set next_at = now()`);
  await db.run(sql`update notification_event set due_at = now()`);
};
const idsOf = (requests: readonly Received[]) => requests.map(({ headers }) => headers['webhook-id']);

test('a replay is told of once for each step, signed, as the list of operator events has it', async () => {
  const receiver = await startReceiver();
  const { id, secret } = await notify({ url: receiver.url });
  const engine = await newEngine(db);
  await append(engine, turns(20));
  const run = await newReplay(engine);
  await setReplayDesired(db, run, 'paused', 'by hand');
  await setReplayDesired(db, run, 'running');
  await runToEnd(engine, run);
  expect(await stateOf(id)).toMatchObject({ pending: 4, lastDeliveredAt: null, failing: null });
  await send(notifier());
  await send(notifier());
  const told = receiver.requests.map((request) => toldBy(request, secret));
  expect(told.map(({ type }) => type)).toEqual([
    'replay.started',
    'replay.paused',
    'replay.resumed',
    'replay.completed',
  ]);
  const { data } = (await api.call('GET', `/api/operator-events?destinationId=${engine.destinationId}`)).body;
  const listed = (data as { type: string; at: string }[]).map(({ type, at, ...rest }) => ({
    type,
    timestamp: at,
    data: rest,
  }));
  expect(told).toEqual(listed.toReversed());
  expect(idsOf(receiver.requests)).toEqual(told.map((one) => one.data.id));
  expect(told.every((one) => one.data.replayId === run)).toBe(true);
  expect(receiver.requests[0]).toMatchObject({ method: 'POST', headers: { 'x-reprise-attempt': '1' } });
  expect(await stateOf(id)).toMatchObject({
    pending: 0,
    lastDeliveredAt: expect.any(String),
    failing: null,
    lastFailure: null,
  });
});

test('only what was asked for is told, and nothing of before', async () => {
  const receiver = await startReceiver();
  await happens();
  const { id } = await notify({ url: receiver.url, events: ['destination.down'] });
  const wanted = await happens();
  await happens('destination.recovered');
  await api.call('PATCH', `/api/notifications/${id}`, { events: ['destination.recovered'] });
  await happens();
  const later = await happens('destination.recovered');
  await send(notifier());
  expect(idsOf(receiver.requests)).toEqual([wanted, later]);
});

test('however many processes look, an event is told once, and a receiver has one request at a time', async () => {
  let [now, most] = [0, 0];
  const receiver = await startReceiver((_, response) => {
    most = Math.max(most, ++now);
    setTimeout(() => {
      now -= 1;
      response.end();
    }, 5);
  });
  await notify({ url: receiver.url });
  const ids: string[] = [];
  for (let count = 0; count < 20; count += 1) ids.push(await happens());
  await send(...Array.from({ length: 4 }, notifier));
  await send(...Array.from({ length: 4 }, notifier));
  expect(idsOf(receiver.requests)).toEqual(ids);
  expect(most).toBe(1);
});

test('a receiver that is down is told later under the same id, and its outage is shown', async () => {
  let status = 503;
  const receiver = await startReceiver((_, response) => {
    response.statusCode = status;
    response.end();
  });
  const { id, secret } = await notify({ url: `${receiver.url}?token=url-canary-91cd`, name: 'On call' });
  const [first, second] = [await happens(), await happens()];
  await send(notifier());
  await send(notifier());
  expect(receiver.requests).toHaveLength(1); // it is left alone for some seconds
  const failing = await stateOf(id);
  expect(failing).toMatchObject({
    pending: 2,
    failing: { failures: 1, nextTryAt: expect.any(String) },
    lastFailure: { errorClass: 'http_503', status: 503 },
  });
  expect(Date.parse(failing.failing.nextTryAt)).toBeGreaterThan(Date.now());
  for (let round = 0; round < 3; round += 1) {
    await hurry();
    await send(notifier());
  }
  expect((await stateOf(id)).failing.failures).toBe(4);
  status = 204;
  receiver.requests.length = 0;
  await db.run(sql`update notification set next_at = now()`);
  await db.run(sql`
    update notification_event set due_at = now()
    where event_number = (select min(event_number) from notification_event)`);
  await send(notifier());
  // With the first that is taken the outage is over for all.
  expect(idsOf(receiver.requests)).toEqual([first, second]);
  expect(receiver.requests.map((request) => toldBy(request, secret).data.id)).toEqual([first, second]);
  expect(Number(receiver.requests[0]?.headers['x-reprise-attempt'])).toBeGreaterThan(1);
  expect(await stateOf(id)).toMatchObject({ pending: 0, failing: null, lastFailure: { status: 503 } });
  expect(api.log()).not.toContain('url-canary');
});

test('receivers that are hostile are bounded and retried, and nobody else hears of it', async () => {
  const elsewhere = await startReceiver();
  const redirecting = await startReceiver((_, response) => {
    response.writeHead(307, { location: elsewhere.url });
    response.end();
  });
  const flood = Buffer.alloc(1 << 20, 0x61);
  const flooding = await startReceiver((_, response) => {
    response.writeHead(500);
    const more = () => void (response.destroyed || (response.write(flood) ? setImmediate(more) : null));
    response.on('drain', more);
    more();
  });
  const hanging = await startRawReceiver(() => undefined);
  const good = await startReceiver();
  const ids: Record<string, string> = {};
  for (const [name, { url }] of Object.entries({ redirecting, flooding, hanging })) {
    ids[name] = (await notify({ url, name })).id;
  }
  await notify({ url: good.url });
  await happens();
  const running = notifier();
  await running.look();
  await expect.poll(() => good.requests.length).toBe(1);
  await running.idle();
  expect((await stateOf(ids['redirecting']!)).lastFailure).toMatchObject({ errorClass: 'http_307' });
  expect((await stateOf(ids['flooding']!)).lastFailure).toMatchObject({ errorClass: 'http_500' });
  expect((await stateOf(ids['hanging']!)).lastFailure).toMatchObject({ errorClass: 'timeout' });
  expect(elsewhere.requests).toEqual([]);
  await hurry();
  await send(running);
  for (const id of Object.values(ids)) {
    expect(await stateOf(id)).toMatchObject({ pending: 1, failing: { failures: 2 } });
  }
  expect(good.requests).toHaveLength(1);
});

test('an event that is never taken stands in nobody’s way', async () => {
  const poison = await happens();
  const receiver = await startReceiver((request, response) => {
    response.statusCode = request.body.includes(refused) ? 400 : 200;
    response.end();
  });
  const { id } = await notify({ url: receiver.url });
  const refused = await happens();
  const others = [await happens(), await happens()];
  await send(notifier());
  await db.run(sql`update notification set next_at = now()`); // the event itself waits longer than the receiver
  await send(notifier());
  expect(idsOf(receiver.requests)).toEqual([refused, ...others]);
  expect(await stateOf(id)).toMatchObject({ pending: 1, failing: null });
  expect(poison).not.toBe(refused);
});

test('what a receiver has not taken in three days of trying is given up on, and counted; what is younger is not', async () => {
  const receiver = await startReceiver((_, response) => {
    response.statusCode = 500;
    response.end();
  });
  const { id } = await notify({ url: receiver.url });
  const ago = sql`now() - interval '73 hours'`;
  await happens();
  await happens();
  await db.run(sql`update notification_event set queued_at = ${ago}, first_tried_at = ${ago}, attempts = 1`);
  const young = await happens();
  // A long time in which nobody was there to try gives up on nothing.
  await db.run(sql`update notification set failing_since = ${ago}, failures = 1`);
  await send(notifier());
  expect(await stateOf(id)).toMatchObject({ pending: 3, givenUp: 0 });
  await db.run(sql`update notification set failures = 30`);
  await hurry();
  await send(notifier());
  expect(await stateOf(id)).toMatchObject({ pending: 1, givenUp: 2, lastGivenUpAt: expect.any(String) });
  const left = await db.rows(sql`
    select o.id from notification_event e join operator_event o on o.number = e.event_number`);
  expect(left).toEqual([{ id: young }]);
});

test('an old event stays until it is told, then it is forgotten', async () => {
  const receiver = await startReceiver();
  await notify({ url: receiver.url });
  const old = await happens();
  const isThere = async () =>
    (await db.rows(sql`select 1 from operator_event where id = ${old}`)).length === 1;
  await db.run(sql`update operator_event set at = now() - interval '91 days' where id = ${old}`);
  await forgetOldOperatorEvents(db);
  expect(await isThere()).toBe(true);
  await send(notifier());
  expect(idsOf(receiver.requests)).toEqual([old]);
  await forgetOldOperatorEvents(db);
  expect(await isThere()).toBe(false);
});

test('while one is being deleted nothing that happens has to wait, and what was queued for it goes', async () => {
  const receiver = await startReceiver();
  const { id } = await notify({ url: receiver.url });
  await happens();
  await db.transaction(async (tx) => {
    await tx.run(sql`delete from notification where id = ${id}`);
    await happens(); // in a transaction of its own, to which it still is there
  });
  await send(notifier());
  expect(receiver.requests).toEqual([]);
  await forgetOldOperatorEvents(db);
  expect(await db.rows(sql`select 1 from notification_event where notification_id = ${id}`)).toEqual([]);
});

test('a process whose claim has run out changes nothing by what it finds out late', async () => {
  const receiver = await startReceiver((_, response, index) => {
    if (index === 0) return void held.push(response);
    response.end();
  });
  const held: { end(): void }[] = [];
  const { id } = await notify({ url: receiver.url });
  const event = await happens();
  const slow = createNotifier(api.deps, 10_000);
  await slow.look();
  await expect.poll(() => held.length).toBe(1);
  await send(notifier());
  expect(receiver.requests).toHaveLength(1); // it is claimed
  await db.run(sql`update notification set claimed_until = now()`);
  await send(notifier());
  expect(idsOf(receiver.requests)).toEqual([event, event]);
  const before = await stateOf(id);
  held[0]!.end();
  await slow.idle();
  expect(await stateOf(id)).toEqual(before);
});
