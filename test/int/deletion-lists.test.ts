import { expect, test } from 'vitest';
import { deleteEvents } from '../../src/db/deletions/archive.ts';
import { claimDeletion } from '../../src/db/deletions/claim.ts';
import { positionsOfPeople } from '../../src/db/search/people.ts';
import { sumUpChunks } from '../../src/db/search/summaries.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine } from '../support/engine.ts';
import { watchedDatabase } from '../support/engine-faults.ts';

const db = await testDatabase();

const listed = () =>
  positionsOfPeople(db, ['gone', 'stays'], { span: { low: 1, high: 20_000 }, order: 'oldest', most: 9 });

test('a chunk that is summed up while somebody in it is deleted lists nothing of him afterwards', async () => {
  const engine = await newEngine(db);
  const users = Array.from({ length: 8_300 }, (_, index) => ['gone', 'stays'][index] ?? 'others');
  const [, stays] = await append(engine, users);
  const api = await testApi(db);
  await api.call('POST', '/api/deletions', { userId: 'gone' });
  const claim = (await claimDeletion(db))!;
  const watched = watchedDatabase(db, async ({ at, text }) => {
    if (at === 'after' && text.includes('update archive_person')) await sumUpChunks(db); // nobody else sees it yet
  });
  expect(await deleteEvents(watched, claim, () => true)).toBe(true);
  await sumUpChunks(db);
  expect(await listed()).toEqual([stays!.position]);
});
