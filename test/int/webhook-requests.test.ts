import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { batchId, deliveryId } from '../../src/destinations/delivery-id.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { startReceiver } from '../support/receiver.ts';
import { openSender, sendOne } from '../support/webhook-sender.ts';

// What JSON.parse and JSON.stringify would change: key order, numbers, escapes, duplicates, whitespace.
const raw = String.raw`{ "type":"track","big":9007199254740993,"huge":1e400,"nul":"\u0000","dup":1,"dup":2,"ü":"✓" }`;

describe('a request', () => {
  it('carries the completed event byte for byte, signed', async () => {
    const receiver = await startReceiver();
    const secret = newWebhookSecret();
    const sender = openSender(receiver.url, { secret, headers: { 'X-Api-Key': 'k1' } });
    const delivery = deliveryOf(raw, { attempt: 3 });
    expect(await sender.send([delivery], openGate)).toMatchObject([{ kind: 'delivered' }]);

    const [request] = receiver.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/events', body: raw });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': deliveryId(delivery.name),
      'x-api-key': 'k1',
      'x-reprise-attempt': '3',
      'user-agent': expect.stringMatching(/^reprise\/\d+\.\d+\.\d+$/),
    });
    expect(request?.headers).not.toHaveProperty('accept-encoding');
    expect(request?.headers).not.toHaveProperty('x-reprise-replay');
    expect(() => new Webhook(secret).verify(request?.body ?? '', request?.headers ?? {})).not.toThrow();
  });

  it("applies the event's edits", async () => {
    const receiver = await startReceiver();
    const delivery = deliveryOf('{"a":1}');
    const event = { ...delivery.event, edits: '[["timestamp",1,0,"\\"timestamp\\":\\"T\\","]]' };
    await openSender(receiver.url).send([{ ...delivery, event }], openGate);
    expect(receiver.requests[0]?.body).toBe('{"timestamp":"T","a":1}');
  });

  it('keeps the query of the URL', async () => {
    const receiver = await startReceiver();
    await sendOne(openSender(`${receiver.url}?a=1&b=%20#fragment`));
    expect(receiver.requests[0]?.path).toBe('/events?a=1&b=%20');
  });
});

describe('a batch', () => {
  it('is a JSON array under an id of its own, with one outcome per event', async () => {
    const receiver = await startReceiver();
    const secret = newWebhookSecret();
    const sender = openSender(receiver.url, { secret, batchSize: 3 });
    const deliveries = [deliveryOf(raw), deliveryOf('{"a":1}', { attempt: 2 }), deliveryOf('{"b":2}')];
    expect(await sender.send(deliveries, openGate)).toMatchObject([
      { kind: 'delivered' },
      { kind: 'delivered' },
      { kind: 'delivered' },
    ]);
    const [request] = receiver.requests;
    expect(request?.body).toBe(`[${raw},{"a":1},{"b":2}]`);
    expect(request?.headers).toMatchObject({
      'webhook-id': batchId(deliveries.map(({ name }) => name)),
      'x-reprise-attempt': '2',
    });
    expect(() => new Webhook(secret).verify(request?.body ?? '', request?.headers ?? {})).not.toThrow();
  });

  it('of one is an array too', async () => {
    const receiver = await startReceiver();
    await sendOne(openSender(receiver.url, { batchSize: 2 }), '{"a":1}');
    expect(receiver.requests[0]?.body).toBe('[{"a":1}]');
  });
});

describe('connections', () => {
  it('are kept and used again, one request at a time on each', async () => {
    let inFlight = 0;
    let most = 0;
    const receiver = await startReceiver((_, response) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      setImmediate(() => {
        inFlight -= 1;
        response.end();
      });
    });
    const sender = openSender(receiver.url, { concurrency: 4 });
    for (let round = 0; round < 20; round += 1) {
      const outcomes = await Promise.all([1, 2, 3, 4].map(() => sendOne(sender)));
      expect(outcomes.every(({ kind }) => kind === 'delivered')).toBe(true);
    }
    expect(receiver.requests).toHaveLength(80);
    expect(receiver.connections).toHaveLength(4);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('are made anew after the server closed them', async () => {
    const receiver = await startReceiver((_, response) => response.end());
    const sender = openSender(receiver.url, { concurrency: 1 });
    await sendOne(sender);
    receiver.connections[0]?.destroy();
    await expect.poll(async () => (await sendOne(sender)).kind).toBe('delivered');
    expect(receiver.connections).toHaveLength(2);
  });

  it('end with the sender: what is in flight fails, what is queued is not sent', async () => {
    const receiver = await startReceiver(() => undefined); // never answers
    const sender = openSender(receiver.url, { concurrency: 1 });
    const [first, second] = [sendOne(sender), sendOne(sender)];
    await expect.poll(() => receiver.requests.length).toBe(1);
    await sender.close();
    expect(await first).toMatchObject({ kind: 'failed', failure: { errorClass: 'aborted' } });
    expect(await second).toEqual({ kind: 'notSent' });
    expect(await sendOne(sender)).toEqual({ kind: 'notSent' });
    await expect.poll(() => receiver.connections.every((connection) => connection.destroyed)).toBe(true);
  });
});

describe('the gate', () => {
  it('stops a request before its first byte and keeps the connection', async () => {
    const receiver = await startReceiver();
    const sender = openSender(receiver.url, { concurrency: 1 });
    await sendOne(sender);
    expect(await sendOne(sender, '{}', { mayWrite: () => false })).toEqual({ kind: 'notSent' });
    await sendOne(sender);
    expect(receiver.requests).toHaveLength(2);
    expect(receiver.connections).toHaveLength(1);
  });

  it('is asked when a queued request gets its turn, not when it was queued', async () => {
    const answers: (() => void)[] = [];
    const receiver = await startReceiver((_, response) => answers.push(() => response.end()));
    const sender = openSender(receiver.url, { concurrency: 1 });
    let open = true;
    let asked = 0;
    const gate = { mayWrite: () => ((asked += 1), open) };
    const first = sendOne(sender, '{"n":1}', gate);
    const second = sendOne(sender, '{"n":2}', gate);
    await expect.poll(() => answers.length).toBe(1);
    expect(asked).toBe(1);
    open = false;
    answers[0]?.();
    expect(await first).toMatchObject({ kind: 'delivered' });
    expect(await second).toEqual({ kind: 'notSent' });
    expect(asked).toBe(2);
    expect(receiver.requests).toHaveLength(1);
  });

  it('is asked after the connection is made', async () => {
    const receiver = await startReceiver();
    let open = true;
    const gate = { mayWrite: () => open };
    const pending = sendOne(openSender(receiver.url), '{}', gate);
    open = false; // the connect is under way, nothing is written yet
    expect(await pending).toEqual({ kind: 'notSent' });
    expect(receiver.requests).toHaveLength(0);
  });
});
