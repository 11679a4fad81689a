import { describe, expect, it } from 'vitest';
import { maskSecrets } from '../../src/destinations/secret-mask.ts';

describe('known secrets in a text', () => {
  it.each([
    ['as they are', 'key s3cr3t/+= refused', ['s3cr3t/+='], 'key [secret] refused'],
    ['each time', 's3cr3t and s3cr3t', ['s3cr3t'], '[secret] and [secret]'],
    ['in a URL', 'GET /?k=s3cr3t%2F%2B%3D', ['s3cr3t/+='], 'GET /?k=[secret]'],
    ['in JSON', String.raw`{"echo":"s3\"cr3t"}`, ['s3"cr3t'], '{"echo":"[secret]"}'],
    ['the longer one first', 'Bearer s3cr3t-token', ['s3cr3t', 'Bearer s3cr3t-token'], '[secret]'],
    ['cut at the end', 'you sent s3cr3t-t', ['s3cr3t-token'], 'you sent [secret]'],
    ['not when they are but a word', 'true or false', ['true'], 'true or false'],
    ['not when empty', 'nothing', [''], 'nothing'],
    ['with half a surrogate pair', 'a s3cr3t\ud800 b', ['s3cr3t\ud800'], 'a [secret] b'],
  ])('are masked %s', (_, text, secrets, masked) => {
    expect(maskSecrets(text, secrets)).toBe(masked);
  });
});
