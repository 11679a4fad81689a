import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { packageDestination } from '../../src/destinations/catalog/definition.ts';
import { createOpenSender } from '../../src/workers/open-sender.ts';
import { testApi } from '../support/api.ts';
import { usable } from '../support/catalog-engine.ts';
import { testDatabase } from '../support/database.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { openInternet, type Answer, type Internet, type Recorded } from '../support/internet.ts';
import { loopback } from '../support/webhook-sender.ts';

const db = await testDatabase();
const api = await testApi(db);
const secret = 'pk_canary_7f21c0de99';

let answer: (request: Recorded) => Answer;
let internet: Internet;
beforeAll(async () => {
  internet = await openInternet((request) => answer(request));
});
afterAll(() => internet.close());

/** Klaviyo as far as its lists go: those that are made get numbers, and L7 is there. */
function klaviyo(): (request: Recorded) => Answer {
  let lists = 0;
  return ({ method, url }) => {
    const { pathname } = new URL(url);
    if (method === 'POST' && pathname === '/api/lists') {
      lists += 1;
      return { status: 201, body: JSON.stringify({ data: { id: `L${lists}` } }) };
    }
    const id = /^\/api\/lists\/(\w+)$/.exec(pathname)?.[1];
    if (id === 'L7') return { status: 200, body: JSON.stringify({ data: { id } }) };
    if (id !== undefined)
      return { status: 404, body: JSON.stringify({ errors: [{ detail: `no list ${id} for ${secret}` }] }) };
    return { status: 202, body: JSON.stringify({ data: { id: 'p1' } }) };
  };
}
beforeEach(() => {
  answer = klaviyo();
  internet.taken();
});

interface Made {
  readonly id: string;
  readonly actions: readonly { readonly id: string; readonly version: number }[];
}

async function connect(): Promise<Made> {
  const made = await api.call('POST', '/api/destinations', {
    type: 'actions-klaviyo',
    name: 'Klaviyo',
    settings: { api_key: secret },
    enabled: false,
    actions: [{ action: 'addProfileToList', trigger: 'type = "track"' }],
  });
  expect(made.status, made.text).toBe(201);
  return made.body as Made;
}

const post = (id: string, body: object) => api.call('POST', `/api/destinations/${id}/audiences`, body);

const entered = (messageId: string, personas: object) => ({
  type: 'track',
  event: 'Audience Entered',
  userId: 'ada',
  messageId,
  context: { traits: { email: `${messageId}@example.com` }, personas },
});

/** Sends events as a delivery process does. @returns the lists that Klaviyo was asked to put people on, with whom */
async function send({ id, actions }: Made, events: readonly object[], kind: 'stream' | 'replay' = 'stream') {
  const [row] = await db.rows<{ settingsSealed: string }>(
    sql`select settings_sealed as "settingsSealed" from destination where id = ${id}`,
  );
  const [{ id: actionId, version } = { id: '', version: 0 }] = actions;
  const sender = await createOpenSender({ egress: loopback, keyring: api.deps.keyring })(
    {
      kind,
      destination: { id, name: 'D', type: 'actions-klaviyo', ...row! },
      actions: [{ actionId, version }],
    },
    db,
  );
  const outcomes = await sender.send(
    events.map((event) => deliveryOf(JSON.stringify(event), { actionId })),
    openGate,
  );
  await sender.close();
  const lists = internet.taken().map(({ body }) => {
    const { data } = JSON.parse(body.toString()) as {
      data: {
        attributes: { profiles: { data: { attributes: { email: string } }[] } };
        relationships: { lists: { data: { id: string }[] } };
      };
    };
    const people = data.attributes.profiles.data.map(({ attributes }) => attributes.email.split('@')[0]);
    return [data.relationships.lists.data[0]!.id, ...people];
  });
  return { kinds: outcomes.map((outcome) => outcome.kind), lists };
}

describe('an audience', () => {
  test('is made at the service, and its events carry what the service calls it', async () => {
    const destination = await connect();
    const made = await post(destination.id, { key: 'recent_buyers', name: 'Recent buyers' });
    expect(made.status, made.text).toBe(201);
    expect(made.body).toMatchObject({ key: 'recent_buyers', externalId: 'L1', settings: {} });
    const [asked] = internet.taken();
    expect(asked).toMatchObject({ method: 'POST', url: 'https://a.klaviyo.com/api/lists' });
    expect(JSON.parse(asked!.body.toString())).toMatchObject({
      data: { attributes: { name: 'Recent buyers' } },
    });
    const events = [entered('m1', { computation_key: 'recent_buyers', computation_id: 'aud_1' })];
    for (const kind of ['stream', 'replay'] as const) {
      expect(await send(destination, events, kind)).toEqual({ kinds: ['delivered'], lists: [['L1', 'm1']] });
    }
    const previewed = await api.call('POST', `/api/destinations/${destination.id}/preview`, {
      event: events[0],
    });
    expect(previewed.text).toContain('L1');
  });

  test('that differ go out apart; an event keeps what it carries itself, and one of no audience is as it was', async () => {
    const destination = await connect();
    await post(destination.id, { key: 'one' });
    await post(destination.id, { key: 'two', computationId: 'aud_2', settings: { listId: 'L7' } });
    internet.taken();
    const { kinds, lists } = await send(destination, [
      entered('a', { computation_key: 'one' }),
      entered('b', { computation_key: 'renamed', computation_id: 'aud_2' }),
      entered('c', { computation_key: 'one' }),
      entered('d', { computation_key: 'one', external_audience_id: 'own' }),
      entered('e', { computation_key: 'nobody' }),
    ]);
    expect(kinds).toEqual(['delivered', 'delivered', 'delivered', 'delivered', 'invalid']);
    expect(new Set(lists)).toEqual(
      new Set([
        ['L1', 'a', 'c'],
        ['L7', 'b'],
        ['own', 'd'],
      ]),
    );
  });

  test('that is there already is asked for', async () => {
    const { id } = await connect();
    expect((await post(id, { key: 'k', externalId: 'L7' })).body).toMatchObject({ externalId: 'L7' });
    const unknown = await post(id, { key: 'other', externalId: 'L8' });
    expect(unknown).toMatchObject({ status: 424, body: { code: 'destination_failed' } });
    expect(unknown.body.detail).toBe('The audience could not be found: no list L8 for [secret]');
    expect(internet.taken().map(({ method }) => method)).toEqual(['GET', 'GET']);
  });

  test('that cannot be made is not kept, and the reason has no secrets', async () => {
    const { id } = await connect();
    answer = () => ({
      status: 403,
      body: JSON.stringify({ errors: [{ detail: `no scope for ${secret}` }] }),
    });
    const refused = await post(id, { key: 'k' });
    expect(refused).toMatchObject({ status: 424, body: { code: 'destination_failed' } });
    expect(refused.text + api.log()).not.toContain(secret);
    expect((await api.call('GET', `/api/destinations/${id}/audiences`)).body).toEqual({ data: [] });
  });

  test('is made once for an Idempotency-Key, and once for a key', async () => {
    const { id } = await connect();
    const key = { 'idempotency-key': 'k-1' };
    const path = `/api/destinations/${id}/audiences`;
    const [one, two] = [
      await api.call('POST', path, { key: 'k' }, key),
      await api.call('POST', path, { key: 'k' }, key),
    ];
    expect(two.body).toEqual(one.body);
    expect((await post(id, { key: 'k' })).body.errors).toMatchObject([{ pointer: '/key' }]);
    expect(internet.taken()).toHaveLength(1);
  });

  test('is read, changed and forgotten', async () => {
    const destination = await connect();
    const { body: made } = await post(destination.id, { key: 'k' });
    internet.taken();
    const path = `/api/destinations/${destination.id}/audiences/${made.id}`;
    const changed = await api.call('PATCH', path, { name: 'K', settings: { listId: 'L7' } });
    expect(changed.body).toMatchObject({ key: 'k', name: 'K', externalId: 'L1', settings: { listId: 'L7' } });
    expect((await api.call('GET', path)).body).toEqual(changed.body);
    expect((await send(destination, [entered('m', { computation_key: 'k' })])).lists).toEqual([['L7', 'm']]);
    const wrong = await api.call('PATCH', path, { settings: { listID: 'L7' } });
    expect(wrong.body.errors).toMatchObject([{ pointer: '/settings/listID' }]);
    const other = await connect();
    const elsewhere = `/api/destinations/${other.id}/audiences/${made.id}`;
    for (const method of ['GET', 'DELETE']) expect((await api.call(method, elsewhere)).status).toBe(404);
    expect((await api.call('DELETE', path)).status).toBe(204);
    expect((await api.call('GET', path)).status).toBe(404);
    expect((await send(destination, [entered('m', { computation_key: 'k' })])).kinds).toEqual(['invalid']);
  });

  test('of a type that knows of none is refused', async () => {
    const { body } = await api.call('POST', '/api/destinations', {
      type: 'webhook',
      name: 'Hook',
      settings: { url: 'https://example.com/' },
      enabled: false,
    });
    expect((await post(body.id, { key: 'k' })).body.errors[0].detail).toContain('have no audiences');
  });
});

test('definitions that take the audience of a batch from its first event get events of one audience at a time', async () => {
  const { document, ...given } = usable('actions-marketo-static-lists', 'addToList');
  const actionId = '00000000-0000-4000-8000-0000000000aa';
  const sender = packageDestination(document).open(given.settings, {
    egress: loopback,
    destinationId: '00000000-0000-4000-8000-0000000000ab',
    actions: [{ actionId, action: 'addToList', mapping: given.mapping }],
    audiences: [
      { key: 'one', computationId: null, externalId: '101', settings: {} },
      { key: 'two', computationId: null, externalId: '102', settings: {} },
    ],
    replay: false,
  });
  const events = ['one', 'two', 'one'].map((key, at) => entered(`m${at}`, { computation_key: key }));
  await sender.send(
    events.map((event) => deliveryOf(JSON.stringify(event), { actionId })),
    openGate,
  );
  await sender.close();
  const sent = internet
    .taken()
    .map(({ url, body }) => [
      /lists\/(\d+)|listId=(\d+)/.exec(url)?.slice(1).find(Boolean),
      [...body.toString().matchAll(/m\d/g)].map(([id]) => id),
    ]);
  expect(sent).toEqual([
    ['101', ['m0', 'm2']],
    ['102', ['m1']],
  ]);
});
