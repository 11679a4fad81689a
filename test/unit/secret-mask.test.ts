import { describe, expect, it } from 'vitest';
import { secretMask } from '../../src/destinations/secret-mask.ts';

describe('known secrets in a text', () => {
  it.each([
    ['as they are', 'key s3cr3t/+= refused', ['s3cr3t/+='], 'key [secret] refused'],
    ['each time', 's3cr3t and s3cr3t', ['s3cr3t'], '[secret] and [secret]'],
    ['in a URL', 'GET /?k=s3cr3t%2F%2B%3D', ['s3cr3t/+='], 'GET /?k=[secret]'],
    ['in a form', 'k=s3+cr3t%27%21', ["s3 cr3t'!"], 'k=[secret]'],
    ['in JSON', String.raw`{"echo":"s3\"cr3t"}`, ['s3"cr3t'], '{"echo":"[secret]"}'],
    [
      'in JSON within JSON',
      String.raw`{"told":"{\"echo\":\"s3\\\"cr3t\"}"}`,
      ['s3"cr3t'],
      String.raw`{"told":"{\"echo\":\"[secret]\"}"}`,
    ],
    ['in JSON that escapes the slash', String.raw`{"echo":"s3cr3t\/+"}`, ['s3cr3t/+'], '{"echo":"[secret]"}'],
    ['the longer one first', 'Bearer s3cr3t-token', ['s3cr3t', 'Bearer s3cr3t-token'], '[secret]'],
    ['cut at the end', 'you sent s3cr3t-t', ['s3cr3t-token'], 'you sent [secret]'],
    ['not when they are but a word', 'true or false', ['true'], 'true or false'],
    ['not when empty', 'nothing', [''], 'nothing'],
    ['with half a surrogate pair', 'a s3cr3t\ud800 b', ['s3cr3t\ud800'], 'a [secret] b'],
  ])('are masked %s', (_, text, secrets, masked) => {
    expect(secretMask(secrets).text(text, true)).toBe(masked);
  });
});

it('the end of a text that was not cut is no beginning of a secret', () => {
  expect(secretMask(['s3cr3t-token']).text('you sent s3cr3t-t', false)).toBe('you sent s3cr3t-t');
});

it('more secrets are hidden beside those that were known', () => {
  const mask = secretMask(['s3cr3t']).with(['s1gnature']);
  expect(mask.text('s3cr3t and s1gnature', false)).toBe('[secret] and [secret]');
});

describe('in base64', () => {
  const secret = 's3cr3t/+=€~~';

  it.each(['', 'u', 'us', 'usr', 'user:'])(
    'behind "%s" a secret is masked, whatever follows it',
    (before) => {
      for (const alphabet of ['base64', 'base64url'] as const) {
        for (const after of ['', 'x', 'xy', 'xyz']) {
          const text = Buffer.from(before + secret + after).toString(alphabet);
          const masked = secretMask([secret]).text(`you sent Basic ${text}.`, false);
          expect(masked).toMatch(/^you sent Basic [\w+/=-]{0,10}\[secret\][\w+/=-]{0,8}\.$/);
          const escaped = secretMask([secret]).text(text.replaceAll('/', String.raw`\/`), false);
          expect(escaped).toContain('[secret]');
        }
      }
    },
  );

  it('one that stands in a URL is masked as well', () => {
    for (const before of ['', 'x', 'xx']) {
      const text = Buffer.from(`${before}GET /?k=${encodeURIComponent(secret)}&l=1`).toString('base64');
      const masked = secretMask([secret]).text(text, false);
      expect(masked).toContain('[secret]');
      const read = masked.split('[secret]').map((part) => Buffer.from(part, 'base64').toString());
      expect(read.join('')).not.toMatch(/s3cr3t|%2F%2B/);
    }
  });

  it('one that stands alone is masked to its end', () => {
    expect(secretMask([secret]).text(Buffer.from(secret).toString('base64'), false)).toBe('[secret]');
    expect(secretMask(['s3cr3t-']).text(Buffer.from('s3cr3t-').toString('base64'), false)).toBe('[secret]');
  });
});

describe('a header', () => {
  const mask = secretMask(['1234', 's3cr3t']);

  it.each([
    'Authorization',
    'Cookie',
    'Webhook-Signature',
    'X-Api-Key',
    'apikey',
    'X-Shop-Key',
    'x-auth',
    'My-Token',
  ])('%s is hidden, whatever it holds', (name) => expect(mask.header(name, 'abc')).toBe('[secret]'));

  it('with a known secret is hidden, however short that is', () => {
    expect(mask.header('x-pin', '1234')).toBe('[secret]');
    expect(mask.header('x-pins', '12345')).toBe('12345');
    expect(mask.header('x-way', 'by s3cr3t')).toBe('by [secret]');
  });

  it.each(['content-type', 'webhook-id', 'webhook-timestamp', 'x-reprise-attempt', 'idempotency-key'])(
    '%s is shown',
    (name) => expect(mask.header(name, 'abc')).toBe('abc'),
  );
});
