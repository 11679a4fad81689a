import { expect, test } from 'vitest';
import { bearerCheck } from '../../src/api/auth.ts';

const check = bearerCheck('the-admin-token-of-a-test');

test.each([
  'Bearer the-admin-token-of-a-test',
  'bearer the-admin-token-of-a-test',
  'BEARER  the-admin-token-of-a-test ',
])('%j opens', (header) => expect(check(header)).toBeNull());

test.each([
  undefined,
  '',
  'Bearer',
  'Bearer ',
  'the-admin-token-of-a-test',
  'Basic the-admin-token-of-a-test',
  'Bearer the-admin-token-of-a-tesT',
  'Bearer the-admin-token-of-a-test2',
  'Bearer the-admin-token-of-a-test x',
  'Bearer the-admin-token-of-a-test, Bearer x',
])('%j does not', (header) => {
  expect(check(header)).toMatchObject({ problem: 'unauthorized' });
});

test('the refusal says how, and never repeats what was sent', () => {
  const refusal = check('Bearer my-wrong-secret');
  expect(refusal?.headers?.['www-authenticate']).toBe('Bearer realm="reprise", error="invalid_token"');
  expect(JSON.stringify(refusal)).not.toContain('my-wrong-secret');
});
