import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { eventAt } from '../../src/db/event-lookup.ts';
import { searchEvents } from '../../src/db/search/search.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { connect, countsOf, newEngine, newReplay, runToEnd } from '../support/engine.ts';
import { credentials } from '../support/track-api.ts';
import { send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });

test('what came by the Track API is looked up, sent on as it comes, and sent again by a replay', async () => {
  const engine = await newEngine(db);
  const writeKey = `wk_${randomUUID()}`;
  await db.run(sql`insert into write_key (key, source_id) values (${writeKey}, ${engine.source})`);
  const headers = { authorization: credentials('site', writeKey) };
  const sendBatch = async (prefix: string) => {
    const batch = [
      { type: 'person', identifiers: { id: '5' }, action: 'event', name: 'Bought', id: `${prefix}-1` },
      { type: 'person', identifiers: { email: 'a@b.c' }, action: 'page', name: '/', id: `${prefix}-2` },
      { type: 'object', identifiers: { object_id: 'acme' }, action: 'identify', id: `${prefix}-3` },
    ];
    const answer = await send(`${url}/api/v2/batch`, { headers, body: JSON.stringify({ batch }) });
    expect(answer).toMatchObject({ status: 200, body: '{}' });
  };
  const arrived = () => engine.sink.arrivals.map(({ messageId }) => messageId).sort();

  await sendBatch('past');
  const stream = await connect(engine);
  await sendBatch('live');
  await runToEnd(engine, stream);
  expect(arrived()).toEqual(['live-1', 'live-2', 'live-3']);
  const replay = await newReplay(engine);
  expect(await runToEnd(engine, replay)).toMatchObject({ selected: 6, endedAs: 'completed' });
  expect(await countsOf(engine, replay)).toEqual({ delivered: 3, alreadyDelivered: 3 });
  expect(arrived()).toEqual(['live-1', 'live-2', 'live-3', 'past-1', 'past-2', 'past-3']);

  const { events } = await searchEvents(db, {
    filter: { sources: [engine.source], users: ['a@b.c'] },
    order: 'newest',
    limit: 10,
  });
  expect(events).toMatchObject([
    { messageId: 'live-2' },
    { messageId: 'past-2', origin: 'track_api', type: 'page', name: '/' },
  ]);
  expect(await eventAt(db, events[0]!.position)).toMatchObject({
    raw: expect.stringContaining('"userId":"a@b.c"') as string,
  });
});
