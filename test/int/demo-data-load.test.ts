import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { archiveSummary } from '../../src/db/archive/summary.ts';
import { listSources } from '../../src/db/sources.ts';
import { demoWriteKey, loadDemoData } from '../../src/dev/demo-data/load.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { testFolder } from '../support/folder.ts';

const noteFile = join(testFolder(), 'demo-data.json');
const now = new Date('2026-11-24T15:00:00Z');
const silent = () => undefined;

test('an archive with anything else in it is left alone', async () => {
  const db = await testDatabase();
  await appendEvents(db, [trackEvent(await newSource(db))]);
  expect(await loadDemoData({ db, total: 100, noteFile, now, onProgress: silent })).toBeNull();
  expect((await archiveSummary(db)).events).toBe(1);
  expect(await listSources(db, { limit: 10 })).toHaveLength(1);
});

test('an empty archive gets the demo shop once, and the rest of it after a load that was cut off', async () => {
  const db = await testDatabase();
  const load = (total: number) => loadDemoData({ db, total, noteFile, now, onProgress: silent });
  expect(await load(0)).toBeNull();
  expect(await listSources(db, { limit: 10 })).toHaveLength(0);

  expect(await load(300)).toBe(300);
  const summary = await archiveSummary(db);
  expect(summary).toMatchObject({ events: 300, more: false });
  expect(summary.to!.getTime()).toBeLessThan(Date.parse('2026-11-24T00:00:00Z'));
  const [source] = await listSources(db, { limit: 10 });
  expect(source).toMatchObject({ name: 'Demo shop', writeKeys: [{ key: demoWriteKey }] });
  expect(await load(500)).toBeNull();

  const note = JSON.parse(readFileSync(noteFile, 'utf8')) as Record<string, unknown>;
  expect(note['done']).toBe(true);
  writeFileSync(noteFile, JSON.stringify({ ...note, done: false }));
  for (const table of ['event', 'event_identity'])
    await db.pool.query(`delete from ${table} where position > 120`);
  expect(await load(500)).toBe(180);
  expect((await archiveSummary(db)).events).toBe(300);
  expect(await load(500)).toBeNull();
});

test('the demo events are accepted as they are: none is rejected, none is live', async () => {
  const db = await testDatabase();
  let lines = 0;
  const onProgress = (done: number) => (lines = done);
  expect(await loadDemoData({ db, total: 5_000, noteFile, now, onProgress })).toBe(5_000);
  expect(lines).toBeGreaterThanOrEqual(5_000);
  const counts = await db.pool.query(`select count(*) filter (where live) as live,
    (select count(*) from rejected_event) as rejected from event`);
  expect(counts.rows).toEqual([{ live: 0, rejected: 0 }]);
});
