import { expect, test } from 'vitest';
import { openRefusedUsers } from '../../src/api/imports/refused-users.ts';
import type { ImportedRow } from '../../src/db/imports/commit.ts';
import { changeSource } from '../../src/db/sources.ts';
import type { Queryable } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { answerOf, openUpload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);

/** The database, and how often it was asked. */
function counted() {
  const asked = { times: 0 };
  const rows: Queryable['rows'] = async (statement) => (asked.times++, await db.rows(statement));
  return { asked, db: { rows, run: db.run.bind(db) } satisfies Queryable };
}

const after = { bytes: 1, lines: 1, digest: Buffer.alloc(32) };
const rowOf = (sourceId: string): ImportedRow => ({ line: 1, after, event: trackEvent(sourceId) });

test('a chunk costs no question of its own where the source takes all users, one where it does not', async () => {
  const archives = await newSource(db);
  const refuses = await newSource(db);
  await changeSource(db, refuses, { suppressedUsers: 'refuse' });
  for (const [sourceId, each] of [
    [archives, 0],
    [refuses, 1],
  ] as const) {
    const { asked, db: of } = counted();
    const refuse = openRefusedUsers(of, sourceId);
    const began = performance.now();
    for (let chunk = 0; chunk < 50; chunk++) await refuse([rowOf(sourceId)]);
    const seconds = Math.ceil((performance.now() - began) / 1_000);
    expect(asked.times).toBeLessThanOrEqual(50 * each + seconds);
  }
});

test('a change of the setting holds within a second or so in a file that is on its way', async () => {
  const sourceId = await newSource(db);
  await api.call('POST', '/api/suppressions', { userId: 'gone' });
  const path = `/api/imports?sourceId=${sourceId}`;
  const request = openUpload(api.url, path);
  const answer = answerOf(request, path);
  let number = 0;
  const chunk = () =>
    Array.from(
      { length: 100 },
      () => `{"type":"track","event":"e","userId":"gone","messageId":"m${number++}"}\n`,
    );
  const counts = async () => {
    request.write(chunk().join(''));
    const { body } = await api.call('GET', `/api/imports?sourceId=${sourceId}`);
    const { appended = 0, rejected = 0 } = body.data[0] ?? {};
    return { appended: Number(appended), rejected: Number(rejected) };
  };
  const appended = async () => (await counts()).appended;
  const rejected = async () => (await counts()).rejected;
  await expect.poll(appended, { timeout: 10_000 }).toBeGreaterThan(0);
  expect(await rejected()).toBe(0);
  await api.call('PATCH', `/api/sources/${sourceId}`, { suppressedUsers: 'refuse' });
  await expect.poll(rejected, { timeout: 10_000 }).toBeGreaterThan(0);
  const taken = await appended();
  await expect.poll(rejected, { timeout: 10_000 }).toBeGreaterThan(500);
  expect(await appended()).toBe(taken);
  await api.call('PATCH', `/api/sources/${sourceId}`, { suppressedUsers: 'archive' });
  await expect.poll(appended, { timeout: 10_000 }).toBeGreaterThan(taken);
  request.end();
  expect((await answer).body).toMatchObject({ status: 'completed' });
});
