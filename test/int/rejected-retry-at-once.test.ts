import { beforeEach, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { archivedOf, basic, newKey, send, trackingServer } from '../support/tracking.ts';
import { until } from '../support/until.ts';

const db = await testDatabase();
const api = await testApi(db);
const { url } = await trackingServer({ db });
let source = { sourceId: '', writeKey: '' };
beforeEach(async () => {
  source = await newKey(db);
});

const large = (event: string) => ({
  type: 'track',
  event,
  userId: 'u',
  properties: { filled: 'x'.repeat(40_000) },
});

async function post(batch: readonly object[]) {
  const headers = { authorization: basic(source.writeKey) };
  const { status } = await send(`${url}/v1/batch`, { headers, body: JSON.stringify({ batch }) });
  expect(status).toBe(200);
}

const raise = async () =>
  await api.call('PATCH', `/api/sources/${source.sourceId}`, { maxEventBytes: 65_536 });

async function retry(body: object = { source: source.sourceId }) {
  const answer = await api.call('POST', '/api/rejected/retry', body);
  expect(answer.status).toBe(200);
  return answer.body;
}

const listed = async () => (await api.call('GET', `/api/rejected?source=${source.sourceId}`)).body.data;

test('many calls at the same time archive each event once', async () => {
  const batch = Array.from({ length: 12 }, (_, index) => large(`e${index}`));
  for (let turn = 0; turn < 20; turn++) await post(batch);
  await raise();
  const ends: Record<string, number>[] = [];
  const client = async () => {
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const end = await retry({ source: source.sourceId, ...(cursor !== undefined && { cursor }) });
      ends.push(end);
      cursor = end.nextCursor;
    }
  };
  await Promise.all(Array.from({ length: 6 }, client));
  const sum = (name: string) => ends.reduce((total, end) => total + end[name]!, 0);
  expect([sum('accepted'), sum('duplicates'), sum('rejected')]).toEqual([240, 0, 0]);
  const events = await archivedOf(db, source.sourceId);
  expect(events.map(({ name }) => name)).toEqual(Array.from({ length: 240 }, (_, index) => `e${index % 12}`));
  expect(await listed()).toEqual([]);
});

test('calls that find the same events while one of them archives these leave them to it', async () => {
  await post(['a', 'b', 'c'].map(large));
  await raise();
  const calls = await db.transaction(async (tx) => {
    await tx.run(sql`select pg_advisory_xact_lock(4712385)`); // as an append that is under way
    const begun = Array.from({ length: 4 }, () => retry());
    await until(
      'all of them wait',
      () =>
        db.rows(sql`
        select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%archive_append%'`),
      ({ length }) => length === 4,
    );
    return begun;
  });
  const ends = await Promise.all(calls);
  expect(ends.map(({ accepted }) => accepted).filter((count) => count > 0)).toEqual([3]);
  expect((await archivedOf(db, source.sourceId)).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(await listed()).toEqual([]);
});

test('a retry takes no events of suppressed users where the source refuses these, and keeps nothing of them', async () => {
  await post([{ ...large('a'), userId: 'gone' }, large('b')]);
  const suppressed = await api.call('POST', '/api/suppressions', { userId: 'gone' });
  expect(suppressed.status).toBeLessThan(300);
  await raise();
  await api.call('PATCH', `/api/sources/${source.sourceId}`, { suppressedUsers: 'refuse' });
  expect(await retry()).toMatchObject({ accepted: 1, rejected: 1 });
  expect((await archivedOf(db, source.sourceId)).map(({ name }) => name)).toEqual(['b']);
  expect(await listed()).toMatchObject([{ code: 'user_suppressed', size: 0, retryObstacle: 'not_kept' }]);
  expect(await db.rows(sql`select arrival from rejected_event where source_id = ${source.sourceId}`)).toEqual(
    [{ arrival: null }],
  );
  expect(await retry()).toMatchObject({ rejected: 0, impossible: [{ obstacle: 'not_kept', count: 1 }] });
});
