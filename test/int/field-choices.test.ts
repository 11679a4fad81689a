import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addOwnDefinitions } from '../../src/destinations/catalog/own-folder.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { openInternet, type Answer, type Internet, type Recorded } from '../support/internet.ts';

const db = await testDatabase();
const api = await testApi(db);
const secret = 'pk_canary_7f21c0de99';

let answer: (request: Recorded) => Answer = () => ({ status: 200, body: '{}' });
let internet: Internet;
beforeAll(async () => {
  internet = await openInternet((request) => answer(request));
});
afterAll(() => internet.close());

async function connect(body: Record<string, unknown>) {
  const made = await api.call('POST', '/api/destinations', { name: 'D', enabled: false, ...body });
  expect(made.status, made.text).toBe(201);
  return made.body.id as string;
}

const klaviyo = await connect({
  type: 'actions-klaviyo',
  settings: { api_key: secret },
  actions: [{ action: 'upsertProfile' }],
});
const hubspot = await connect({
  type: 'actions-hubspot-cloud',
  settings: { oauth: { accessToken: secret } },
  actions: [{ action: 'sendCustomBehavioralEvent', mapping: { eventName: 'e' } }],
});
const choicesOf = (id: string, action: string, field: string, body?: unknown) =>
  api.call(
    'POST',
    `/api/destinations/${id}/actions/${action}/fields/${encodeURIComponent(field)}/choices`,
    body,
  );

describe('the choices of a field', () => {
  test('are what the service lists, asked with the destination’s own credentials', async () => {
    answer = () => ({
      status: 200,
      body: JSON.stringify({ data: [{ id: 'L1', attributes: { name: 'Buyers' } }] }),
    });
    const { status, body } = await choicesOf(klaviyo, 'upsertProfile', 'list_id');
    expect([status, body]).toEqual([200, { choices: [{ label: 'Buyers', value: 'L1' }], nextPage: null }]);
    expect(internet.taken()).toMatchObject([
      {
        method: 'GET',
        url: 'https://a.klaviyo.com/api/lists/',
        headers: { authorization: `Klaviyo-API-Key ${secret}` },
      },
    ]);
  });

  test('a service that refuses is told without secrets', async () => {
    answer = () => ({ status: 403, body: JSON.stringify({ message: `no scope for ${secret}` }) });
    const refused = await choicesOf(hubspot, 'upsertObject', 'object_details.object_type');
    expect(refused).toMatchObject({ status: 424, body: { code: 'destination_failed' } });
    expect(refused.body.detail).toBe(
      'The choices of object_details.object_type could not be had: no scope for [secret]',
    );
    expect(refused.text + api.log()).not.toContain(secret);
    internet.taken();
  });

  const packed = { identity: (text: string) => text, gzip: gzipSync, deflate: deflateSync } as const;
  const giving = (how: keyof typeof packed, text: string) => (): Answer => ({
    status: 200,
    headers: how === 'identity' ? {} : { 'content-encoding': how },
    body: packed[how](text),
  });

  test.each(['identity', 'gzip', 'deflate'] as const)(
    'are listed as well when they are more than a delivery’s answer may have: %s',
    async (how) => {
      const data = Array.from({ length: 6_000 }, (_, index) => ({
        id: `L${index}`,
        attributes: { name: `Buyers ${index} ${'x'.repeat(60)}` },
      }));
      answer = giving(how, JSON.stringify({ data }));
      const { status, body } = await choicesOf(klaviyo, 'upsertProfile', 'list_id');
      expect(status).toBe(200);
      expect(body.choices).toHaveLength(6_000);
      internet.taken();
    },
  );

  test.each([
    ['identity', 4_200_000],
    ['gzip', 4_200_000],
    ['deflate', 4_200_000],
    ['gzip', 100_000_000], // a bomb
  ] as const)('more than is read is told as that: %s, %i characters', async (how, length) => {
    answer = giving(how, JSON.stringify({ data: ['x'.repeat(length)] }));
    const refused = await choicesOf(klaviyo, 'upsertProfile', 'list_id');
    expect(refused).toMatchObject({ status: 424, body: { code: 'destination_failed' } });
    expect(refused.body.detail).toBe(
      'The choices of list_id could not be had: The service answered with more than 4 MB, which is as much as is read.',
    );
    internet.taken();
  });

  test('depend on what the mapping has so far, and on the place in a list', async () => {
    answer = () => ({
      status: 200,
      body: JSON.stringify({ results: [{ typeId: 7, label: 'Owner', category: 'USER_DEFINED' }] }),
    });
    const payload = {
      object_details: { object_type: 'contact' },
      associations: [{ object_type: 'company' }, { object_type: 'deal' }],
    };
    const { status, body } = await choicesOf(hubspot, 'upsertObject', 'associations.[1].association_label', {
      payload,
    });
    expect([status, body.choices]).toEqual([
      200,
      [{ label: 'contact to deal Owner', value: 'USER_DEFINED:7' }],
    ]);
    expect(internet.taken().map(({ url }) => url)).toEqual([expect.stringMatching(/contact\/deal/)]);
  });

  test('of an input of a hook', async () => {
    const id = await connect({
      type: 'actions-linkedin-conversions',
      settings: { oauth: { accessToken: secret } },
      actions: [{ action: 'streamConversion' }],
    });
    const rule = { enabled: true, conversionMethod: 'CONVERSIONS_API' };
    const elements = [
      { id: 'c1', name: 'Spring', ...rule },
      { id: 'c2', name: 'Autumn', ...rule, enabled: false },
    ];
    answer = () => ({ status: 200, body: JSON.stringify({ elements }) });
    const payload = { adAccountId: 'urn:li:sponsoredAccount:5' };
    const field = 'onMappingSave.conversionRuleId';
    const { status, body } = await choicesOf(id, 'streamConversion', field, { payload });
    expect([status, body.choices]).toEqual([200, [{ label: 'Spring', value: 'c1' }]]);
    const [asked] = internet.taken();
    expect(asked).toMatchObject({ headers: { authorization: `Bearer ${secret}` } });
    expect(decodeURIComponent(asked!.url)).toContain('urn:li:sponsoredAccount:5');
    const without = await choicesOf(id, 'streamConversion', field);
    expect(without).toMatchObject({
      status: 424,
      body: { detail: expect.stringContaining('Ad Account first') },
    });
  });

  test('come in pages, and a token that has run out is renewed for them', async () => {
    await addOwnDefinitions(new URL('../support/definitions', import.meta.url).pathname);
    const oauth = { accessToken: 'old', refreshToken: 'r', clientId: 'c', clientSecret: 's' };
    const id = await connect({ type: 'oauth-club', settings: { endpoint: 'https://club.example', oauth } });
    const pages: Record<string, object> = {
      first: { choices: [{ label: 'Blue', value: 'b', description: 'North' }], nextPage: '2' },
      2: { choices: [{ value: 7 }, { label: 'no value' }, null] },
    };
    answer = ({ url, headers }) => {
      if (url.endsWith('/token')) return { status: 200, body: '{"access_token":"new","refresh_token":"r2"}' };
      if (headers['authorization'] !== 'Bearer new') return { status: 401, body: '{}' };
      return { status: 200, body: JSON.stringify(pages[new URL(url).searchParams.get('page')!]) };
    };
    const first = await choicesOf(id, 'join', 'room');
    expect(first.body).toEqual(pages['first']);
    const second = await choicesOf(id, 'join', 'room', { page: first.body.nextPage });
    expect(second.body).toEqual({ choices: [{ label: '7', value: 7 }], nextPage: null });
    expect(internet.taken().map(({ url }) => url.slice('https://club.example'.length))).toEqual([
      '/rooms?page=first',
      '/token',
      '/rooms?page=first',
      '/rooms?page=2',
    ]);
  });

  test.each([
    [klaviyo, 'upsertProfile', 'email', 'It does for: list_id'],
    [klaviyo, 'upsertProfil', 'list_id', 'no action "upsertProfil"'],
    [klaviyo, 'upsertProfile', '__proto__', 'no choices'],
    [klaviyo, 'upsertProfile', 'retlOnMappingSave.list_name', 'no choices'],
    ['6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e', 'upsertProfile', 'list_id', 'nothing at'],
  ])('%s has none of %s/%s: 404', async (id, action, field, text) => {
    const none = await choicesOf(id, action, field);
    expect(none.status).toBe(404);
    expect(none.body.detail).toContain(text);
    expect(internet.taken()).toEqual([]);
  });
});
