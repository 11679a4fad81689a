import { expect, test } from 'vitest';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, runSlice, runToEnd, turns } from '../support/engine.ts';

const db = await testDatabase();
const api = await testApi(db);

/** Rows of a CSV whose texts are all quoted. */
function cellsOf(csv: string): string[][] {
  const records = csv.matchAll(/((?:"(?:[^"]|"")*"|[^",\r\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\r\n]*))*)\r\n/g);
  return [...records].map(([, record = '']) =>
    [...record.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, bare]) =>
      quoted === undefined ? (bare ?? '') : quoted.replaceAll('""', '"'),
    ),
  );
}

async function scene() {
  const engine = await newEngine(db);
  await append(engine, turns(30, 30));
  engine.sink.answer = ({ userId }) => (userId === 'u3' || userId === 'u9' ? 422 : 200);
  const { body } = await api.call('POST', '/api/replays', {
    destinationId: engine.destinationId,
    label: '=HYPERLINK("http://x.y","| **click** me")',
    labels: ['team:growth'],
    note: '@here\n# not a heading',
    pace: { eventsPerSecond: 5_000 },
  });
  const id = body.id as string;
  await api.call('PATCH', `/api/replays/${id}`, { pace: { eventsPerSecond: 9_000 } });
  await api.call('PATCH', `/api/replays/${id}`, { labels: ['october'] });
  const report = async (query = '', headers = {}) =>
    await api.call('GET', `/api/replays/${id}/report${query}`, undefined, headers);
  return { engine, id, report };
}

test('a report tells while a replay runs and at its end what became of every event, by whom and why', async () => {
  const { engine, id, report } = await scene();
  expect((await report()).body).toMatchObject({ final: false, durationSeconds: null, timeline: [] });
  await runSlice(engine, id);
  expect((await report()).body).toMatchObject({ final: false, replay: { status: 'running' } });
  await db.transaction((tx) => endRunIfDue(tx, id));
  const { body } = await report();
  expect(body).toMatchObject({
    final: true,
    replay: {
      id,
      status: 'completed_with_failures',
      counts: { selected: 30, delivered: 28, dead: 2, remaining: 0 },
    },
    destination: { id: engine.destinationId, type: 'webhook', name: 'Sink', deletedAt: null },
    createdBy: { tokenId: null },
    changes: [
      { action: 'changeReplay', asked: { pace: { eventsPerSecond: 9_000 } } },
      { action: 'changeReplay', asked: { labels: ['october'] } },
    ],
    actions: [{ actionId: engine.actions[0], name: 'Action 0', version: 1 }],
    failures: [{ errorClass: 'http_422', count: 2, sample: { failure: { status: 422 } } }],
    interval: 'minute',
  });
  expect(body.failures[0].sample.failure.request.body).toContain('messageId');
  const sums: Record<string, number> = {};
  for (const { counts } of body.timeline)
    for (const [bucket, count] of Object.entries<number>(counts)) sums[bucket] = (sums[bucket] ?? 0) + count;
  expect(Object.fromEntries(Object.entries(sums).filter(([, count]) => count !== 0))).toEqual({
    delivered: 28,
    dead: 2,
  });
  const letters = (await api.call('GET', body.links.deadLetters)).body.data;
  expect(letters).toHaveLength(2);
});

test('as CSV it is a table in which no text is a formula; as Markdown no text is markup', async () => {
  const { engine, id, report } = await scene();
  await runToEnd(engine, id);
  const csv = await report('?format=csv');
  expect(csv.headers.get('content-type')).toMatch(/^text\/csv/);
  const rows = cellsOf(csv.text);
  expect(new Set(rows.map((row) => row.length))).toEqual(new Set([4]));
  const value = (section: string, name: string) =>
    rows.find((row) => row[0] === section && row[2] === name)?.[3];
  expect(value('counts', 'delivered')).toBe('28');
  expect(value('failure', 'count')).toBe('2');
  expect(value('replay', 'label')).toBe('\'=HYPERLINK("http://x.y","| **click** me")');
  expect(value('replay', 'note')).toBe("'@here\n# not a heading");
  for (const cell of rows.flat()) expect(cell).not.toMatch(/^[\s]*[=+@-]/);

  const markdown = await report('', { accept: 'text/html;q=0.9, text/markdown' });
  expect(markdown.headers.get('content-type')).toMatch(/^text\/markdown/);
  expect(markdown.headers.get('vary')).toContain('Accept');
  expect(markdown.text).toContain(String.raw`\| \*\*click\*\* me`);
  expect(markdown.text).not.toMatch(/^# not a heading/m);
  expect(markdown.text).not.toContain('@here');
  expect(markdown.text).toContain('| delivered | 28 |');
  expect(markdown.text).toMatch(/### http\\_422: 2\n/);
  expect((await report('', { accept: 'text/csv;q=0, */*' })).body.replay.id).toBe(id);
  expect((await report('?format=pdf')).status).toBe(400);
  expect((await api.call('GET', `/api/replays/${engine.destinationId}/report`)).status).toBe(404);
});

test('the report of a replay that ended because its destination was deleted names it and says so, in each form', async () => {
  const { engine, id, report } = await scene();
  await runSlice(engine, id);
  const deleted = await api.call('DELETE', `/api/destinations/${engine.destinationId}`);
  expect(deleted.status).toBe(204);
  const { body } = await report();
  const { deletedAt } = body.destination;
  expect(body).toMatchObject({
    final: true,
    replay: { status: 'cancelled', statusReason: 'destination_deleted', counts: { delivered: 28, dead: 2 } },
    destination: { id: engine.destinationId, type: 'webhook', name: 'Sink', deletedAt: expect.any(String) },
    actions: [{ name: 'Action 0' }],
    failures: [{ errorClass: 'http_422', count: 2 }],
  });
  const rows = cellsOf((await report('?format=csv')).text);
  const value = (name: string) => rows.find((row) => row[0] === 'replay' && row[2] === name)?.[3];
  expect(
    ['status', 'statusReason', 'destination', 'destinationId', 'destinationDeletedAt'].map(value),
  ).toEqual(['cancelled', 'destination_deleted', 'Sink', engine.destinationId, deletedAt]);
  const markdown = (await report('?format=markdown')).text;
  expect(markdown).toContain('**cancelled** (destination\\_deleted). It has ended.');
  expect(markdown).toContain(`| Destination | Sink (deleted ${deletedAt}) |`);
  expect(markdown).toContain('| Action 0 | 1 | ');
});
