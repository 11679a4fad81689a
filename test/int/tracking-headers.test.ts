import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { maxEventBytes } from '../../src/core/rejection.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { archivedOf, basic, newKey, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const event = '{"type":"track","event":"e","userId":"u"}';

/** One request as these very bytes; the answer as it came. */
async function raw(head: readonly string[], body = ''): Promise<{ status: number; all: string }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  const lines = [
    ...head,
    'host: x',
    'connection: close',
    `content-length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ];
  socket.write(Buffer.from(lines.join('\r\n'), 'latin1'));
  const all = await text(socket);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(all)?.[1]), all };
}

const values: Readonly<Record<string, string>> = {
  nothing: '',
  Latin: '\u00e9\u00ff\u0080',
  'UTF-8': Buffer.from('é😀\ufeff').toString('latin1'),
  tabs: 'a\tb',
  commas: ',,,',
  quotes: '"a\\"',
  percent: '%00%ff%',
  'a number beyond all': '1e999',
  'a negative number': '-1',
  'a name of every object': '__proto__',
  'a script': '<script>alert(1)</script>',
  '8 KB': 'x'.repeat(8_192),
};
const names = [
  'authorization',
  'content-type',
  'content-encoding',
  'origin',
  'x-strict-mode',
  'x-retry-count',
  'x-forwarded-proto',
  'anonymousid',
  'cookie',
  'access-control-request-headers',
  'user-agent',
];

test.each(names)('whatever stands in %s, the request is answered and the next one is taken', async (name) => {
  const { sourceId, writeKey } = await newKey(db);
  const body = event.replace('{', `{"writeKey":"${writeKey}",`);
  for (const [kind, value] of Object.entries(values)) {
    const odd = `${name}: ${value}`;
    for (const [method, path] of [
      ['POST', '/v1/track'],
      ['OPTIONS', '/v1/track'],
      ['GET', `/v1/projects/${writeKey}/settings`],
      ['GET', `/analytics.js/v1/${writeKey}/analytics.min.js`],
    ] as const) {
      const { status, all } = await raw([`${method} ${path} HTTP/1.1`, odd], method === 'POST' ? body : '');
      const wanted = method === 'POST' && name === 'content-encoding' && value !== '' ? 400 : 200;
      expect(status, `${method} ${kind}: ${all.slice(0, 300)}`).toBe(wanted);
    }
  }
  const archived = name === 'content-encoding' ? 1 : Object.keys(values).length;
  expect(await archivedOf(db, sourceId)).toHaveLength(archived);
});

test('an event of 32 KB fits into the address of a pixel', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const start = `{"writeKey":"${writeKey}","userId":"u","event":"`;
  const body = `${start}${'~'.repeat(maxEventBytes - start.length - 2)}"}`;
  expect(Buffer.byteLength(body)).toBe(maxEventBytes);
  const data = encodeURIComponent(Buffer.from(body).toString('base64'));
  const answer = await send(`${url}/v1/pixel/track?data=${data}`, { method: 'GET' });
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'image/gif' } });
  expect((await archivedOf(db, sourceId)).map(rawText)).toEqual([body]);
});

test('cookies of a large site, which a browser sends along, cost no event', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const cookie = Array.from({ length: 10 }, (_, index) => `c${index}=${'x'.repeat(4_000)}`).join('; ');
  const headers = { authorization: basic(writeKey), origin: 'https://shop.example', cookie };
  expect((await send(`${url}/v1/t`, { headers, body: event })).status).toBe(200);
  expect(await archivedOf(db, sourceId)).toHaveLength(1);
});
