import type http from 'node:http';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';
import { addOwnDefinitions } from '../../src/destinations/catalog/own-folder.ts';
import { open, seal, settingsPlace } from '../../src/destinations/secrets.ts';
import { createOpenSender } from '../../src/workers/open-sender.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { startReceiver, type Received } from '../support/receiver.ts';
import { loopback } from '../support/webhook-sender.ts';

const db = await testDatabase();
const api = await testApi(db);
const { keyring } = api.deps;
await addOwnDefinitions(new URL('../support/definitions', import.meta.url).pathname);

/** A service that takes one access token at a time, and each refresh token once. */
async function startService(options: { refuses?: boolean; delayMs?: number } = {}) {
  const state = { access: 'access-0', refresh: 'refresh-0', refreshed: 0, joined: [] as string[] };
  const answer = (request: Received, response: http.ServerResponse) => {
    const end = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.path.endsWith('/token')) {
      const { refreshToken } = JSON.parse(request.body) as { refreshToken: string };
      state.refreshed += 1;
      if (options.refuses === true || refreshToken !== state.refresh)
        return end(400, { error: `invalid_grant ${refreshToken}` });
      state.access = `access-${state.refreshed}`;
      state.refresh = `refresh-${state.refreshed}`;
      setTimeout(
        () => end(200, { access_token: state.access, refresh_token: state.refresh }),
        options.delayMs ?? 0,
      );
      return;
    }
    if (request.headers['authorization'] !== `Bearer ${state.access}`) return end(401, { error: 'expired' });
    state.joined.push((JSON.parse(request.body || '{"id":""}') as { id: string }).id);
    return end(200, {});
  };
  const receiver = await startReceiver(answer);
  return { state, receiver };
}

async function connect(endpoint: string, accessToken = 'access-0', refreshToken = 'refresh-0') {
  const oauth = { accessToken, refreshToken, clientId: 'a-client', clientSecret: 'a-client-secret' };
  const body = {
    type: 'oauth-club',
    name: `Club ${Math.random()}`,
    settings: { endpoint, oauth },
    enabled: false,
  };
  const made = await api.call('POST', '/api/destinations', body);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as { id: string; actions: { id: string; version: number }[] };
}

/** A sender as a delivery process opens it, over connections of its own. */
async function openSender({ id, actions }: Awaited<ReturnType<typeof connect>>) {
  const own = openDatabase({ url: db.url, name: 'test' });
  const [row] = await own.rows<{ settingsSealed: string }>(
    sql`select settings_sealed as "settingsSealed" from destination where id = ${id}`,
  );
  const [{ id: actionId, version } = { id: '', version: 0 }] = actions;
  const destination = { id, name: 'Club', type: 'oauth-club', ...row! };
  const sender = await createOpenSender({ egress: loopback, keyring })(
    { kind: 'stream', destination, actions: [{ actionId, version }] },
    own,
  );
  const sends = async (messageId: string) =>
    (
      await sender.send(
        [deliveryOf(JSON.stringify({ type: 'track', event: 'E', messageId }), { actionId })],
        openGate,
      )
    )[0]!;
  return {
    sends,
    close: async () => {
      await sender.close();
      await own.close();
    },
  };
}

async function storedTokens(id: string) {
  const [row] = await db.rows<{ sealed: string }>(
    sql`select settings_sealed as sealed from destination where id = ${id}`,
  );
  return (open(row!.sealed, settingsPlace(id), keyring) as { oauth: Record<string, string> }).oauth;
}

test('an access token that has run out is renewed once, however many send at once, and nothing counts as failed', async () => {
  const { state, receiver } = await startService({ delayMs: 300 });
  state.access = 'access-later'; // what was given has run out
  const made = await connect(receiver.url);
  const senders = [await openSender(made), await openSender(made)];
  const ids = Array.from({ length: 8 }, (_, index) => `m${index}`);
  const outcomes = await Promise.all(ids.map((id, index) => senders[index % 2]!.sends(id)));
  expect(outcomes.map(({ kind }) => kind)).toEqual(ids.map(() => 'delivered'));
  expect(state.refreshed).toBe(1);
  expect(state.joined.toSorted()).toEqual(ids);
  expect(await storedTokens(made.id)).toEqual({
    accessToken: 'access-1',
    refreshToken: 'refresh-1',
    clientId: 'a-client',
    clientSecret: 'a-client-secret',
  });

  // The next time it is the rotated refresh token that is used.
  state.access = 'access-gone';
  expect(await senders[1]!.sends('later')).toMatchObject({ kind: 'delivered' });
  expect(await storedTokens(made.id)).toMatchObject({ accessToken: 'access-2', refreshToken: 'refresh-2' });
  for (const sender of senders) await sender.close();
});

test('a refresh that is refused says so, without secrets, and is not asked again at once', async () => {
  const { state, receiver } = await startService({ refuses: true });
  state.access = 'access-later';
  const made = await connect(receiver.url, 'access-canary-41', 'refresh-canary-42');
  const [one, other] = [await openSender(made), await openSender(made)];
  const outcomes = [await one.sends('a'), await other.sends('b'), await one.sends('c')];
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({
      kind: 'down',
      failure: { status: 401, message: expect.stringContaining('no new one could be had') },
    });
  }
  expect(state.refreshed).toBe(1);
  const rows = await db.rows<{ message: string }>(
    sql`select message from token_refresh where destination_id = ${made.id}`,
  );
  expect(JSON.stringify([outcomes, rows, api.log()])).not.toMatch(/canary/);
  await one.close();
  await other.close();
});

test('tokens that somebody gives meanwhile are taken, and other settings that he changes stay', async () => {
  const { state, receiver } = await startService();
  state.access = 'access-new';
  const made = await connect(receiver.url);
  const sender = await openSender(made);
  const change = { settings: { oauth: { accessToken: 'access-new', refreshToken: 'refresh-new' } } };
  expect((await api.call('PATCH', `/api/destinations/${made.id}`, change)).status).toBe(200);
  expect(await sender.sends('m')).toMatchObject({ kind: 'delivered' });
  expect(state.refreshed).toBe(0);
  await sender.close();
});

test('testing the credentials renews them as well', async () => {
  const { state, receiver } = await startService();
  state.access = 'access-later';
  const made = await connect(receiver.url);
  expect((await api.call('POST', `/api/destinations/${made.id}/test`, {})).body).toMatchObject({ ok: true });
  expect(await storedTokens(made.id)).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1' });
});

test('where a definition has no test, the refresh token is shown to the service, and no answer reads as a success', async () => {
  const tested = async (endpoint: string, refreshToken?: string) => {
    const oauth = { accessToken: 'access-0', ...(refreshToken !== undefined && { refreshToken }) };
    const body = { type: 'oauth-quiet', name: `Quiet ${Math.random()}`, settings: { endpoint, oauth } };
    const { id } = (await api.call('POST', '/api/destinations', body)).body as { id: string };
    const test = async () => (await api.call('POST', `/api/destinations/${id}/test`)).body as unknown;
    return { id, test, first: await test() };
  };
  const { state, receiver } = await startService();
  const good = await tested(receiver.url, 'refresh-0');
  expect(good.first).toMatchObject({ ok: null, message: expect.stringContaining('A new access token') });
  expect(await storedTokens(good.id)).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1' });
  const refused = await tested(receiver.url, 'refresh-canary-77');
  const answer = JSON.stringify(refused.first);
  expect(refused.first).toMatchObject({
    ok: false,
    message: expect.stringMatching(/No new access token.*400/),
  });
  expect(answer).not.toContain('canary');
  const without = await tested(receiver.url);
  expect(without.first).toMatchObject({ ok: null, message: expect.stringContaining('no test of its own') });
  expect(state.refreshed).toBe(2);

  // What the stream has learnt counts.
  await db.run(sql`
    update lane l set state = 'held', state_reason = 'unauthorized: http_401' from run r
    where r.id = l.run_id and r.destination_id = ${without.id} and r.kind = 'stream'`);
  expect(await without.test()).toMatchObject({
    ok: false,
    message: expect.stringContaining('unauthorized: http_401'),
  });
});

test('what fetches tokens is guarded as all else', async () => {
  const { receiver } = await startService();
  const made = await connect(receiver.url);
  const settings = { endpoint: 'http://169.254.169.254', oauth: { accessToken: 'a', refreshToken: 'r' } };
  await db.run(
    sql`update destination set settings_sealed = ${seal(settings, settingsPlace(made.id), keyring)} where id = ${made.id}`,
  );
  const sender = await openSender(made);
  const outcome = await sender.sends('m');
  expect(outcome.kind).toBe('down');
  expect(receiver.requests).toEqual([]);
  await sender.close();
});
