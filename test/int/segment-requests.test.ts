import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { deliveryId } from '../../src/destinations/delivery-id.ts';
import { segment } from '../../src/destinations/segment.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { startReceiver } from '../support/receiver.ts';
import { openSegment, segmentKey } from '../support/segment-sender.ts';
import { basic } from '../support/tracking.ts';
import { loopback } from '../support/webhook-sender.ts';

/** A tracking API that answers as it is told and keeps what it got. */
async function startApi(answer: (index: number) => [status: number, body?: string] = () => [200]) {
  const { port, requests } = await startReceiver((_, response, index) => {
    const [status, said = '{"success":true}'] = answer(index);
    response.writeHead(status, { 'content-type': 'application/json' }).end(said);
  });
  return { url: `http://127.0.0.1:${port}`, requests };
}

const raw = String.raw`{ "big":9007199254740993,"sentAt":"S","type":"track","nul":"\u0000","receivedAt":"R","messageId":"m","originalTimestamp":"O","_metadata":{"a":1} }`;
const edits = JSON.stringify([
  ['timestamp', 1, 0, '"timestamp":"2024-05-06T07:08:09.000Z",'],
  ['receivedAt', 1, 0, '"receivedAt":"2026-01-01T00:00:00.000Z",'],
  ['sentAt', raw.indexOf('"sentAt"'), '"sentAt":"S",'.length],
  ['receivedAt', raw.indexOf('"receivedAt"'), '"receivedAt":"R",'.length, ''],
  ['originalTimestamp', raw.indexOf('"originalTimestamp"'), '"originalTimestamp":"O",'.length],
  ['_metadata', raw.indexOf('"_metadata"'), '"_metadata":{"a":1}'.length],
]);
const complete = (overrides = {}) => {
  const delivery = deliveryOf(raw, overrides);
  return { ...delivery, event: { ...delivery.event, edits } };
};

test('a batch has the events with their own times and messageIds, and nothing of which a receiver makes another time', async () => {
  const api = await startApi();
  const outcomes = await openSegment(api.url).send([complete(), complete()], openGate);
  expect(outcomes).toMatchObject([{ kind: 'delivered' }, { kind: 'delivered' }]);
  const [request] = api.requests;
  expect(request?.path).toBe('/v1/batch');
  const item = String.raw`{"timestamp":"2024-05-06T07:08:09.000Z", "big":9007199254740993,"type":"track","nul":"\u0000","messageId":"m" }`;
  expect(request?.body).toBe(`{"batch":[${item},${item}]}`);
  expect(request?.headers).toMatchObject({
    authorization: basic(segmentKey),
    'content-type': 'application/json',
    'x-strict-mode': '1',
    'user-agent': expect.stringMatching(/^reprise\//),
  });
});

test.each(['', '/', '/v1', '/v1/', '/v1/batch', '/v1/batch/'])(
  'the address %j in front of /v1/batch',
  async (suffix) => {
    const api = await startApi();
    await openSegment(`${api.url}/proxy${suffix}`).send([complete()], openGate);
    expect(api.requests[0]?.path).toBe('/proxy/v1/batch');
  },
);

test('a replay that asks for new ids gives its deliveries messageIds of their own', async () => {
  const api = await startApi();
  const delivery = complete({ newId: true });
  await openSegment(api.url).send([delivery], openGate);
  const { batch } = JSON.parse(api.requests[0]!.body) as { batch: { messageId: string }[] };
  expect(batch[0]?.messageId).toBe(deliveryId(delivery.name));
});

test('gzip, and what a person is shown of it when it fails', async () => {
  const api = await startApi((index) => [index === 0 ? 200 : 500]);
  const sender = openSegment(api.url, { gzip: true });
  await sender.send([complete()], openGate);
  expect(api.requests[0]?.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(api.requests[0]!.bytes).toString()).toMatch(/^\{"batch":\[\{"timestamp"/);
  const [outcome] = await sender.send([complete()], openGate);
  expect(outcome).toMatchObject({
    kind: 'failed',
    failure: { request: { body: expect.stringMatching(/^\{"batch":\[/), deliveries: 1 } },
  });
  expect(JSON.stringify(outcome)).not.toContain(segmentKey);
  expect(JSON.stringify(outcome)).not.toContain(basic(segmentKey).slice(6));
});

test('a request has at most 500 KB: what does not fit any more goes with the next one', async () => {
  const api = await startApi();
  const large = deliveryOf(`{"messageId":"m","filler":"${'x'.repeat(30_000)}"}`);
  const outcomes = await openSegment(api.url).send(
    Array.from({ length: 40 }, () => large),
    openGate,
  );
  const delivered = outcomes.filter(({ kind }) => kind === 'delivered').length;
  expect(outcomes.map(({ kind }) => kind)).toEqual([
    ...Array.from({ length: delivered }, () => 'delivered'),
    ...Array.from({ length: 40 - delivered }, () => 'notSent'),
  ]);
  expect(api.requests[0]?.bytes.length).toBeLessThanOrEqual(512_000);
  expect(api.requests[0]!.bytes.length + large.event.raw.length).toBeGreaterThan(511_000);
  const huge = deliveryOf(`{"messageId":"m","filler":"${'x'.repeat(600_000)}"}`);
  expect(await openSegment(api.url).send([huge], openGate)).toMatchObject([{ kind: 'delivered' }]);
});

test('what the receiver says of single items is theirs alone; the others go again', async () => {
  const api = await startApi(() => [
    400,
    '{"code":"events_invalid","errors":[{"index":1,"code":"no_user","message":"It names nobody."}]}',
  ]);
  const outcomes = await openSegment(api.url).send([complete(), complete(), complete()], openGate);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['notSent', 'refused', 'notSent']);
  expect(outcomes[1]).toMatchObject({
    failure: { errorClass: 'http_400', message: expect.stringContaining('It names nobody.') },
  });
  expect(outcomes[1]).not.toHaveProperty('together');
});

test.each([
  ['an item that was not sent', '{"errors":[{"index":7}]}'],
  ['no items', '{"errors":[]}'],
  ['no JSON', '<html>'],
])('a refusal that names %s blames nobody alone', async (_, body) => {
  const api = await startApi(() => [400, body]);
  expect(await openSegment(api.url).send([complete(), complete()], openGate)).toMatchObject([
    { kind: 'refused', together: true },
    { kind: 'refused', together: true },
  ]);
});

test.each([
  [401, 'down'],
  [413, 'refused'],
  [429, 'throttled'],
  [503, 'failed'],
])('%i: %s', async (status, kind) => {
  const api = await startApi(() => [status]);
  expect(await openSegment(api.url).send([complete()], openGate)).toMatchObject([{ kind }]);
});

test('a test event, and what is wrong in words', async () => {
  const api = await startApi((index) => [index === 0 ? 200 : 401]);
  const settings = segment.settings.parse({ endpoint: api.url, writeKey: segmentKey });
  expect(await segment.test(settings, { egress: loopback })).toMatchObject({ ok: true, status: 200 });
  expect(JSON.parse(api.requests[0]!.body)).toMatchObject({ batch: [{ event: 'Reprise Test' }] });
  expect(await segment.test(settings, { egress: loopback })).toMatchObject({ ok: false, status: 401 });
});
