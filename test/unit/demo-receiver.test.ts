import { expect, test } from 'vitest';
import type { Journal } from '../../src/dev/demo-destination/journal.ts';
import { createReceiver } from '../../src/dev/demo-destination/receiver.ts';
import { allOff, changed, type Switches } from '../../src/dev/demo-destination/switches.ts';
import { newWebhookSecret, webhookKeys, webhookSignature } from '../../src/destinations/webhook-signature.ts';

const body = Buffer.from(JSON.stringify({ type: 'track', event: 'x', userId: 'u', messageId: 'm' }));

function receiverWith(switches: Partial<Switches>, random = () => 0.5, clock = () => 1_000_000) {
  const counted: string[] = [];
  const journal = {
    take: (receipts: unknown[]) => counted.push(`taken ${receipts.length}`),
    refuse: (refusal: string) => counted.push(refusal),
  } as unknown as Journal;
  const receiver = createReceiver(journal, () => ({ ...allOff, ...switches }), clock, random);
  return { receive: (headers = {}) => receiver.receive({ headers, body }), counted };
}

test('with all switches off it takes everything', async () => {
  const { receive, counted } = receiverWith({});
  expect(await receive()).toMatchObject({ status: 200 });
  expect(counted).toEqual(['taken 1']);
});

test('down: no answer', async () => {
  const { receive, counted } = receiverWith({ down: true });
  expect(await receive()).toBeNull();
  expect(counted).toEqual(['down']);
});

test('rate-limited: the 21st request of a second gets 429 with Retry-After, the next second is free again', async () => {
  let now = 5_000;
  const { receive, counted } = receiverWith({ rateLimited: true }, Math.random, () => now);
  for (let index = 0; index < 20; index += 1) expect(await receive()).toMatchObject({ status: 200 });
  expect(await receive()).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
  now += 1_000;
  expect(await receive()).toMatchObject({ status: 200 });
  expect(counted.filter((entry) => entry === 'rateLimited')).toHaveLength(1);
});

test('failing: one request in five', async () => {
  expect(await receiverWith({ failing: true }, () => 0.19).receive()).toMatchObject({ status: 500 });
  expect(await receiverWith({ failing: true }, () => 0.2).receive()).toMatchObject({ status: 200 });
});

test('with a secret only what is signed with it is taken', async () => {
  const secret = newWebhookSecret();
  const { receive, counted } = receiverWith({ secret });
  const headers = (key: string) => ({
    'webhook-id': 'msg_1',
    'webhook-timestamp': '1700000000',
    'webhook-signature': webhookSignature(webhookKeys(key), 'msg_1', 1_700_000_000, body),
  });
  expect(await receive(headers(secret))).toMatchObject({ status: 200 });
  expect(await receive(headers(`${newWebhookSecret()} ${secret}`))).toMatchObject({ status: 200 });
  expect(await receive(headers(newWebhookSecret()))).toMatchObject({ status: 401 });
  expect(await receive({ ...headers(secret), 'webhook-id': 'msg_2' })).toMatchObject({ status: 401 });
  expect(await receive({})).toMatchObject({ status: 401 });
  expect(counted).toEqual(['taken 1', 'taken 1', 'badSignature', 'badSignature', 'badSignature']);
});

test('switches change one by one, and what is no switch is named', () => {
  expect(changed(allOff, { slow: true })).toEqual({ ...allOff, slow: true });
  expect(changed({ ...allOff, slow: true }, { down: true })).toMatchObject({ slow: true, down: true });
  expect(changed(allOff, { fast: true })).toContain('fast');
  expect(changed(allOff, { slow: 'yes' })).toContain('slow: expected true or false');
  expect(changed(allOff, { secret: 'hello' })).toContain('whsec_');
  expect(changed(allOff, { secret: newWebhookSecret() })).toHaveProperty('secret');
  expect(changed(allOff, [])).toBe('expected an object');
});
