import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import {
  newWebhookSecret,
  webhookKeys,
  webhookSecretProblem,
  webhookSignature,
} from '../../src/destinations/webhook-signature.ts';

const seconds = () => Math.floor(Date.now() / 1000);

function headersFor(list: string, body: string) {
  const [id, timestamp] = [randomUUID(), seconds()];
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': webhookSignature(webhookKeys(list), id, timestamp, Buffer.from(body)),
  };
}

describe("a signature, judged by the standard's own library", () => {
  const body = '{"type":"track","event":"Ünï ✓","big":9007199254740993}';

  it('verifies', () => {
    const secret = newWebhookSecret();
    expect(() => new Webhook(secret).verify(body, headersFor(secret, body))).not.toThrow();
  });

  it('verifies with the old and with the new secret during a rotation', () => {
    const [fresh, old] = [newWebhookSecret(), newWebhookSecret()];
    const headers = headersFor(`${fresh} ${old}`, body);
    expect(() => new Webhook(fresh).verify(body, headers)).not.toThrow();
    expect(() => new Webhook(old).verify(body, headers)).not.toThrow();
    expect(() => new Webhook(newWebhookSecret()).verify(body, headers)).toThrow();
  });

  it.each(['webhook-id', 'webhook-timestamp'] as const)('covers %s', (name) => {
    const secret = newWebhookSecret();
    const headers = { ...headersFor(secret, body), [name]: String(seconds() - 10) };
    expect(() => new Webhook(secret).verify(body, headers)).toThrow();
  });

  it('covers the body', () => {
    const secret = newWebhookSecret();
    expect(() => new Webhook(secret).verify(`${body} `, headersFor(secret, body))).toThrow();
  });
});

describe('a secret', () => {
  const secretOf = (bytes: number) => `whsec_${randomBytes(bytes).toString('base64')}`;

  it('is usable as it is generated, and always another', () => {
    expect(webhookSecretProblem(newWebhookSecret())).toBeNull();
    expect(newWebhookSecret()).not.toBe(newWebhookSecret());
  });

  it.each([24, 32, 64])('of %d bytes is usable', (bytes) => {
    expect(webhookSecretProblem(secretOf(bytes))).toBeNull();
  });

  it('may be a list', () => {
    expect(webhookSecretProblem(`${secretOf(24)} ${secretOf(32)}`)).toBeNull();
  });

  it.each([
    ['too short', secretOf(23)],
    ['too long', secretOf(65)],
    ['empty', ''],
    ['without prefix', randomBytes(32).toString('base64')],
    ['in base64url', `whsec_${'-_'.repeat(22)}`],
    ['with a line break', `${secretOf(24)}\n`],
    ['with two spaces', `${secretOf(24)}  ${secretOf(24)}`],
    ['asymmetric', `whsk_${randomBytes(32).toString('base64')}`],
  ])('that is %s is refused', (_, secret) => {
    expect(webhookSecretProblem(secret)).toContain('whsec_');
  });
});
