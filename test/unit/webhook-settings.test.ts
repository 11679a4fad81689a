import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkSettings } from '../../src/destinations/definition.ts';
import { parseEgressAllow } from '../../src/destinations/egress-address.ts';
import { loadDefinition, ownDefinitions } from '../../src/destinations/registry.ts';
import { webhook } from '../../src/destinations/webhook.ts';
import { webhookSecrets, WebhookSettings } from '../../src/destinations/webhook-settings.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';

const none = parseEgressAllow([]);
const url = 'https://example.com/events?token=canary';

describe('the catalog', () => {
  it('has the webhook and knows nothing else', async () => {
    expect(ownDefinitions.map(({ type }) => type)).toContain('webhook');
    expect(await loadDefinition('webhook')).toBe(webhook);
    expect(await loadDefinition('fax')).toBeNull();
  });

  it('describes every field of every definition, for people and in JSON Schema', async () => {
    for (const { type } of ownDefinitions) {
      const definition = await loadDefinition(type);
      const schema = z.toJSONSchema(definition?.settings ?? z.never(), { io: 'input' });
      expect(schema.additionalProperties).toBe(false);
      for (const field of Object.values(schema.properties ?? {})) {
        expect(field).toMatchObject({ description: expect.stringMatching(/.{10}/) });
      }
    }
  });
});

describe('webhook settings', () => {
  const check = (input: unknown) => checkSettings(webhook, input, none);

  it('are completed with the defaults', () => {
    expect(check({ url })).toEqual({
      ok: true,
      settings: { url, headers: {}, batchSize: 1, timeoutMs: 15_000, concurrency: 16 },
    });
  });

  it.each([
    [{}, 'url'],
    [{ url: 'http://127.0.0.1/' }, 'url'],
    [{ url: 'nonsense' }, 'url'],
    [{ url, uri: 1 }, undefined],
    [{ url, secret: 'short' }, 'secret'],
    [{ url, batchSize: 0 }, 'batchSize'],
    [{ url, batchSize: 1_001 }, 'batchSize'],
    [{ url, timeoutMs: 30_001 }, 'timeoutMs'],
    [{ url, timeoutMs: 1.5 }, 'timeoutMs'],
    [{ url, concurrency: 0 }, 'concurrency'],
    [{ url, headers: { 'Webhook-Id': 'x' } }, 'headers'],
    [{ url, headers: { 'Content-Length': '0' } }, 'headers'],
    [{ url, headers: { 'transfer-encoding': 'chunked' } }, 'headers'],
    [{ url, headers: { Host: 'internal' } }, 'headers'],
    [{ url, headers: { 'x y': 'z' } }, 'headers'],
    [{ url, headers: { 'x-y': 'a\r\nevil: 1' } }, 'headers'],
    [{ url, headers: { 'x-y': 'ü' } }, 'headers'],
    [{ url, headers: { 'x-y': 1 } }, 'headers'],
  ])('%j are refused at %s', (input, field) => {
    const result = check(input);
    expect(result).toMatchObject({ ok: false, problems: [{ problem: expect.stringMatching(/./) }] });
    expect(result.ok || result.problems[0]?.path[0]).toBe(field);
  });

  it('do not open without a secret to sign with', () => {
    expect(() => webhook.open({ url }, { egress: none })).toThrow('secret');
  });
});

it('takes what looks like a token in the path for a secret, and leaves words alone', () => {
  const url = 'https://hooks.example.com/services/T024BE7LD/AbCdEfGhIjKlMnOpQrStUvWx/api/v2/events';
  const secrets = webhookSecrets(WebhookSettings.parse({ url, secret: newWebhookSecret() }));
  expect(secrets).toEqual(expect.arrayContaining(['T024BE7LD', 'AbCdEfGhIjKlMnOpQrStUvWx']));
  for (const word of ['services', 'api', 'v2', 'events']) expect(secrets).not.toContain(word);
});

it('takes values of the query for secrets, as they stand there and as they are read', () => {
  const url = 'https://example.com/in?key=a%2Fb%2B7c&c%20d';
  const secrets = webhookSecrets(WebhookSettings.parse({ url, secret: newWebhookSecret() }));
  expect(secrets).toEqual(expect.arrayContaining(['a%2Fb%2B7c', 'a/b+7c', 'c%20d']));
});
