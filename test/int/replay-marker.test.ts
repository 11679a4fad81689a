import { expect, test } from 'vitest';
import type { Delivery, Sender } from '../../src/destinations/definition.ts';
import { testDatabase } from '../support/database.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { append, connect, newEngine, newReplay, runToEnd, senderOf, turns } from '../support/engine.ts';
import { startReceiver } from '../support/receiver.ts';
import { openSegment } from '../support/segment-sender.ts';
import { openSender } from '../support/webhook-sender.ts';

const db = await testDatabase();
const marker = '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914';
const raw = '{"type":"track","messageId":"m","context":{"ip":"::1","n":9007199254740993}}';
const marked = raw.replace('{"ip"', `{"replay":{"id":"${marker}"},"ip"`);

test('a webhook gets the marker in each event and in a header, alone and in a batch', async () => {
  const receiver = await startReceiver();
  await openSender(receiver.url).send([deliveryOf(raw, { marker })], openGate);
  const two = [deliveryOf(raw, { marker }), deliveryOf(raw, { marker })];
  await openSender(receiver.url, { batchSize: 5 }).send(two, openGate);
  expect(receiver.requests.map(({ body }) => body)).toEqual([marked, `[${marked},${marked}]`]);
  for (const { headers } of receiver.requests) expect(headers['x-reprise-replay']).toBe(marker);
});

test('a tracking API gets it in each event', async () => {
  const receiver = await startReceiver();
  await openSegment(new URL(receiver.url).origin).send([deliveryOf(raw, { marker })], openGate);
  expect(receiver.requests[0]?.body).toBe(`{"batch":[${marked}]}`);
});

test('a replay marks what it sends if it is asked to; another replay and the stream never do', async () => {
  const engine = await newEngine(db);
  const real = await senderOf(engine);
  const deliveries: Delivery[] = [];
  const sender: Sender = {
    ...real,
    send: (some, gate) => {
      deliveries.push(...some);
      return real.send(some, gate);
    },
  };
  const markersOf = async (run: string) => {
    deliveries.length = 0;
    await runToEnd(engine, run, { sender: { ...sender, close: () => Promise.resolve() } });
    return deliveries.map((one) => one.marker);
  };
  await append(engine, turns(2));
  const asked = await newReplay(engine, { marker: true });
  expect(await markersOf(asked)).toEqual([asked, asked]);
  const names = deliveries.map(({ name }) => name);
  expect(await markersOf(await newReplay(engine, { mode: 'all', newIds: false }))).toEqual([null, null]);
  expect(deliveries.map(({ name }) => name)).toEqual(names);
  const stream = await connect(engine);
  await append(engine, turns(1));
  expect(await markersOf(stream)).toEqual([null]);
  await real.close();
});
