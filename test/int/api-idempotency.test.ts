import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { forgetOldAnswers } from '../../src/db/idempotency.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi, type Answered } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();
const api = await testApi(db);
const webhook = { type: 'webhook', name: 'Warehouse', settings: { url: 'https://example.com/events' } };

const keyed = (key: string, body: unknown, path = '/api/sources') =>
  api.call('POST', path, body, { 'idempotency-key': key });
const sourcesNamed = (name: string) => db.rows(sql`select 1 from source where name = ${name}`);

test('the same key and body get the first answer again and make nothing twice', async () => {
  const key = randomUUID();
  const name = randomUUID();
  const first = await keyed(key, { name });
  const again = await keyed(key, { name });
  expect(first.headers.get('idempotency-replayed')).toBeNull();
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect([again.status, again.body]).toEqual([first.status, first.body]);
  expect(await sourcesNamed(name)).toHaveLength(1);
});

test('of 20 requests at once with one key exactly one makes something, the others are told to ask again', async () => {
  const key = randomUUID();
  const name = randomUUID();
  const answered: Answered[] = [];
  const asked: Promise<unknown>[] = [];
  await db.transaction(async (tx) => {
    await tx.run(sql`lock table source in share mode`); // the one that may create waits in the middle of its work
    for (let count = 0; count < 20; count += 1) {
      asked.push(keyed(key, { name }).then((answer) => answered.push(answer)));
    }
    await expect.poll(() => answered.length, { timeout: 10_000 }).toBe(19);
  });
  await Promise.all(asked);
  const [made] = answered.splice(-1);
  expect([made?.status, made?.headers.get('idempotency-replayed')]).toEqual([201, null]);
  for (const refused of answered) {
    expect(refused.body).toMatchObject({ status: 409, code: 'idempotency_in_flight' });
    expect(refused.headers.get('retry-after')).toBe('1');
  }
  expect((await keyed(key, { name })).body).toEqual(made?.body);
  expect(await sourcesNamed(name)).toHaveLength(1);
});

test('20 requests at once with one key make one thing, however they meet', async () => {
  const key = randomUUID();
  const name = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => keyed(key, { name })));
  const made = answers.filter((answer) => answer.status === 201);
  expect(new Set(made.map((answer) => answer.body.id)).size).toBe(1);
  expect(await sourcesNamed(name)).toHaveLength(1);
});

test('the same key with another body is refused', async () => {
  const key = randomUUID();
  await keyed(key, { name: 'one' });
  expect((await keyed(key, { name: 'two' })).body).toMatchObject({
    status: 422,
    code: 'idempotency_key_reused',
  });
});

test('a key counts per address', async () => {
  const key = randomUUID();
  const source = await keyed(key, { name: 'one' });
  const destination = await keyed(key, webhook, '/api/destinations');
  expect([source.status, destination.status]).toEqual([201, 201]);
  const path = `/api/sources/${source.body.id}/rotate-key`;
  const rotated = await keyed(key, { overlapSeconds: 5 }, path);
  expect((await keyed(key, { overlapSeconds: 5 }, path)).body).toEqual(rotated.body);
});

test('a refusal is not kept: once mended, the request goes through under its key', async () => {
  const key = randomUUID();
  const refused = await keyed(key, { ...webhook, sources: [randomUUID()] }, '/api/destinations');
  expect(refused.status).toBe(422);
  expect((await keyed(key, webhook, '/api/destinations')).status).toBe(201);
});

test('a generated secret comes again with the kept answer, and does not stand readable in the row', async () => {
  const key = randomUUID();
  const first = await keyed(key, webhook, '/api/destinations');
  const again = await keyed(key, webhook, '/api/destinations');
  expect(first.body.generated.secret).toMatch(/^whsec_/);
  expect(again.body.generated).toEqual(first.body.generated);
  const [row] = await db.rows<{ text: string }>(
    sql`select i::text as text from idempotency_key i where key = ${key}`,
  );
  expect(row?.text).not.toContain(first.body.generated.secret);
  expect(row?.text).not.toContain(first.body.generated.secret.slice(6));
});

test('an answer is kept for 24 hours', async () => {
  const [young, old] = [randomUUID(), randomUUID()];
  for (const key of [young, old]) await keyed(key, { name: key });
  await db.run(
    sql`update idempotency_key set created_at = now() - interval '23 hours 59 minutes' where key = ${young}`,
  );
  await db.run(
    sql`update idempotency_key set created_at = now() - interval '24 hours 1 minute' where key = ${old}`,
  );
  expect((await keyed(young, { name: young })).headers.get('idempotency-replayed')).toBe('true');
  expect((await keyed(old, { name: old })).headers.get('idempotency-replayed')).toBeNull();
  expect(await sourcesNamed(old)).toHaveLength(2);
  await db.run(sql`update idempotency_key set created_at = now() - interval '25 hours' where key = ${old}`);
  expect(await forgetOldAnswers(db)).toBe(1);
  expect(await db.rows(sql`select 1 from idempotency_key where key = ${young}`)).toHaveLength(1);
});

test.each(['', 'a b', 'x'.repeat(256), 'ü'])('the key %j is refused', async (key) => {
  const refused = await keyed(key, { name: 'x' });
  expect(refused.body).toMatchObject({ status: 400, code: 'invalid_idempotency_key' });
});
