import { afterAll, expect, test } from 'vitest';
import { environment } from '../../src/api/access/caller.ts';
import { identifier } from '../../src/api/access/identify.ts';
import { hashOfToken, idOfToken, makeToken } from '../../src/api/access/token-text.ts';
import { openDatabase } from '../../src/db/database.ts';

const db = openDatabase({ url: 'postgres://127.0.0.1:1/away', name: 'test' });
afterAll(() => db.close());
const identify = identifier({ db, adminToken: 'the-admin-token-of-a-test' });
const id = '9b1d3f64-7f0c-4d5e-8a72-6c0e5b9f2d18';

test.each([
  'Bearer the-admin-token-of-a-test',
  'bearer the-admin-token-of-a-test',
  'BEARER  the-admin-token-of-a-test ',
])('%j opens, also while Postgres is away', async (header) =>
  expect(await identify(header)).toEqual(environment),
);

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
])('%j does not', async (header) => {
  expect(await identify(header)).toMatchObject({ problem: 'unauthorized' });
});

test('the refusal says how, and never repeats what was sent', async () => {
  const refusal = await identify('Bearer my-wrong-secret');
  expect(refusal).toMatchObject({
    headers: { 'www-authenticate': 'Bearer realm="reprise", error="invalid_token"' },
  });
  expect(JSON.stringify(refusal)).not.toContain('my-wrong-secret');
});

test('a token that may be one of ours cannot be told without the database', async () => {
  await expect(identify(`Bearer ${makeToken(id)}`)).rejects.toThrow();
});

test('a token names its id, and one character more, less or other makes it none', () => {
  const token = makeToken(id);
  expect(token).toMatch(/^rpt_9b1d3f647f0c4d5e8a726c0e5b9f2d18_[0-9A-Za-z]{49}$/);
  expect(idOfToken(token)).toBe(id);
  expect(makeToken(id)).not.toBe(token);
  for (let at = 0; at < token.length; at += 1) {
    const other = token[at] === 'a' ? 'b' : 'a';
    expect(idOfToken(token.slice(0, at) + other + token.slice(at + 1))).toBeNull();
  }
  for (const text of [`${token}x`, token.slice(1), token.slice(0, -1), ` ${token}`, `${token}\n`]) {
    expect(idOfToken(text)).toBeNull();
  }
  expect(hashOfToken(token)).toHaveLength(32);
});
