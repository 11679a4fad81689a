import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Failure } from '../../src/core/outcome.ts';
import { workDeletions } from '../../src/api/deletions/work.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import type { Database } from '../../src/db/database.ts';
import { deleteEvents } from '../../src/db/deletions/archive.ts';
import { claimDeletion, type ClaimedDeletion } from '../../src/db/deletions/claim.ts';
import { places } from '../../src/db/deletions/places.ts';
import { commitLane } from '../../src/db/lane-commit.ts';
import { dropTooOld } from '../../src/db/retention/drop.ts';
import { sql } from '../../src/db/sql.ts';
import { createKeyring, seal, settingsPlace } from '../../src/destinations/secrets.ts';
import { testApi } from '../support/api.ts';
import { whereNamed } from '../support/canary-person.ts';
import { noCommit, noStanding } from '../support/commits.ts';
import { testDatabase } from '../support/database.ts';
import { newEngine, newReplay, runToEnd, secretKey, take, type Engine } from '../support/engine.ts';
import { lockAwaited, watchedDatabase } from '../support/engine-faults.ts';
import { eventOfText } from '../support/events.ts';
import { startReceiver } from '../support/receiver.ts';
import { segmentKey } from '../support/segment-sender.ts';

type Id = 'n-1' | 'v-1' | 'n-2';

const mail = 'secretmail@victim.example';

/** The destination of an engine becomes a tracking API. */
async function asSegment({ db, destinationId }: Engine, endpoint: string): Promise<void> {
  const settings = { endpoint, writeKey: segmentKey, batchSize: 10 };
  const sealed = seal(settings, settingsPlace(destinationId), createKeyring(secretKey));
  await db.run(
    sql`update destination set type = 'segment', settings_sealed = ${sealed} where id = ${destinationId}`,
  );
}

/** A neighbour's event, one of the person whose id comes after what a kept body holds, and one of another user. */
async function appendNeighbours({ db, source }: Engine, order: readonly Id[]): Promise<void> {
  const pad = 'p'.repeat(20_000);
  const texts = {
    'n-1': `{"type":"track","event":"Q","messageId":"n-1","userId":"neigh-a","properties":{}}`,
    'v-1': `{"type":"track","event":"Q","messageId":"v-1","properties":{"email":"${mail}","pad":"${pad}"},"userId":"victim-77"}`,
    'n-2': `{"type":"track","event":"Q","messageId":"n-2","userId":"neigh-b","properties":{}}`,
  };
  await appendEvents(
    db,
    order.map((id) => eventOfText(source, texts[id])),
  );
}

/** A replay of the neighbours has ended at a receiver that refuses the first of them, and says the address to all. */
async function newScene<Db extends Database>(db: Db, order: readonly Id[] = ['n-1', 'v-1', 'n-2']) {
  const engine = await newEngine(db);
  const receiver = await startReceiver(({ body }, response) => {
    const { batch } = JSON.parse(body) as { batch: { messageId: string }[] };
    const index = batch.findIndex(({ messageId }) => messageId === 'n-1');
    const refusal = `{"errors":[{"index":${index},"code":"bad","message":"poison"}]}`;
    response.writeHead(index < 0 ? 200 : 400).end(index < 0 ? `taken: ${mail}` : refusal);
  });
  await asSegment(engine, receiver.url);
  await appendNeighbours(engine, order);
  const replay = await newReplay(engine);
  await runToEnd(engine, replay);
  return { db, engine, replay };
}

const ofHim = async (db: Database) =>
  (await whereNamed(db, mail)).filter((place) => !place.startsWith('suppression'));

async function askToForget(db: Database) {
  const api = await testApi(db);
  const asked = await api.call('POST', '/api/deletions', { userId: 'victim-77' });
  expect([201, 202]).toContain(asked.status); // 202: somebody who sends has yet to hear of it
  return api;
}

async function forgetVictim(db: Database): Promise<void> {
  const api = await askToForget(db);
  await workDeletions(api.deps, 0);
}

test('a dead letter keeps nothing of a deleted person whose event shared its request, wherever the body was cut', async () => {
  const { db, replay } = await newScene(await testDatabase());
  const api = await testApi(db);
  const letters = async () => (await api.call('GET', `/api/dead-letters?replayId=${replay}`)).text;
  expect(await letters()).toContain(mail);
  expect(await letters()).not.toContain('victim-77');
  expect(await letters()).not.toContain('tellsOf');

  await forgetVictim(db);
  expect(await ofHim(db)).toEqual([]);
  expect(await letters()).toContain('neigh-a');
});

test('what was answered to several keeps nothing of one of them who is deleted', async () => {
  const { db, replay } = await newScene(await testDatabase());
  const api = await testApi(db);
  const samples = async () => JSON.stringify((await api.call('GET', `/api/replays/${replay}`)).body.samples);
  expect(await samples()).toContain(mail);
  expect(await samples()).not.toContain('tellsOf');
  await forgetVictim(db);
  expect(await samples()).not.toContain(mail);
  expect(await ofHim(db)).toEqual([]);
});

test('somebody who had no part in a request takes nothing away, wherever his events lie', async () => {
  const db = await testDatabase();
  const engine = await newEngine(db);
  const other = `{"type":"track","event":"Q","messageId":"o-1","userId":"victim-77","properties":{}}`;
  const text = (id: string) =>
    `{"type":"track","event":"Q","messageId":"${id}","userId":"${id}","properties":{}}`;
  const failure = (tellsOf: string): Failure => ({ errorClass: 'http_400', message: 'all of it', tellsOf });
  await appendEvents(
    db,
    [text('a'), other, text('b'), text('c')].map((one) => eventOfText(engine.source, one)),
  );
  const [first] = await db.rows<{ position: number }>(sql`select min(position) as position from event`);
  const at = first!.position;
  const lane = await take(db, await newReplay(engine));
  const dead = [`${at} 2`, `${at} 1`].map((tellsOf, index) => ({
    position: at + 2 * index,
    actionId: engine.actions[0]!,
    attempts: 1,
    ageMs: 0,
    failure: failure(tellsOf),
  }));
  await commitLane(db, lane, { ...noCommit(0), dead }, noStanding({ release: true }));
  await forgetVictim(db);
  const left = await db.rows<{ failure: Failure }>(sql`select failure from dead_letter order by position`);
  expect(left.map((row) => row.failure.message.slice(0, 9))).toEqual(['all of it', 'Deleted: ']);
});

/** A failure that tells of him is in the memory of a lane's holder, who now writes it. */
async function heldFailure({ db, engine }: Awaited<ReturnType<typeof newScene>>) {
  const lane = await take(db, await newReplay(engine));
  const [letter] = await db.rows<{ failure: Failure; position: number }>(
    sql`select failure, position from dead_letter`,
  );
  const { failure, position } = letter!;
  const row = { position, actionId: engine.actions[0]!, attempts: 1, ageMs: 0, failure };
  const waits = { ...row, position: position + 2, orderKey: 'u:neigh-b', rounds: 0, dueInMs: 1, rest: null };
  const commit = { ...noCommit(0), dead: [row], waiting: [waits] };
  return (database: Database) => commitLane(database, lane, commit, noStanding());
}

test('a failure that was in memory when he was deleted is written down without what tells of him', async () => {
  const scene = await newScene(await testDatabase());
  const { db } = scene;
  const write = await heldFailure(scene);
  const claim = await claimed(db);
  await deleteEvents(db, claim, () => true);
  await forgetPlaces(db, claim);
  await write(db);
  expect(await ofHim(db)).toEqual([]);
});

test('a commit under way while he is deleted is waited for', async () => {
  const scene = await newScene(await testDatabase());
  const { db } = scene;
  const write = await heldFailure(scene);
  const claim = await claimed(db);
  let forgetting: Promise<void> | undefined;
  const watched = watchedDatabase(db, async ({ at, text }) => {
    if (forgetting !== undefined || at !== 'after' || !text.includes("message_id = ''")) return;
    await deleteEvents(db, claim, () => true); // the holder has looked and saw nobody
    forgetting = forgetPlaces(db, claim);
    await lockAwaited(db);
  });
  await write(watched);
  await forgetting!;
  expect(await ofHim(db)).toEqual([]);
});

async function claimed(db: Database): Promise<ClaimedDeletion> {
  await askToForget(db);
  return (await claimDeletion(db))!;
}

const answers = { open: () => undefined, seal: () => '' };

async function forgetPlaces(db: Database, claim: ClaimedDeletion): Promise<void> {
  for (const place of places) await place.forget({ db, claim, answers });
}

const upgrade = readFileSync(new URL('../../migrations/0059_tells_of.sql', import.meta.url), 'utf8');

/** What an earlier version left: failures that say how many they are of and not of whom, samples alike. */
async function asKeptBefore(db: Database): Promise<void> {
  await db.run(sql`update dead_letter set failure = (failure - 'tellsOf')`);
  await db.run(sql`alter table lane disable trigger lane_samples`);
  await db.run(sql`
    update lane set samples = (select jsonb_object_agg(reason, (
      select jsonb_agg(one - 'tellsOf') from jsonb_array_elements(list) as one)) from jsonb_each(samples) as each (reason, list))
    where samples <> '{}'`);
  await db.run(sql`alter table lane enable trigger lane_samples`);
  await db.run(sql`drop function positions_of, any_gone, failure_left`);
  await db.run(sql`alter table retention drop column emptied_below`);
}

test('what retention drops is taken out of what was kept of its neighbours in the partition behind', async () => {
  const db = await testDatabase();
  const size = 4_194_304;
  await db.run(sql`select setval('event_position', ${size - 2}::bigint)`); // his event is the last of its partition
  const { replay } = await newScene(db, ['v-1', 'n-1', 'n-2']);
  await db.run(sql`update event set received_at = now() - interval '500 days' where position < ${size}`);
  const kept = async () => [
    (await ofHim(db)).toString(),
    await db.rows(sql`select position from dead_letter`),
  ];
  const letter = [{ position: size }];
  expect(await kept()).toEqual(['dead_letter.failure: 1,event.raw: 1,lane.samples: 1', letter]);

  await db.run(sql`update retention set days = 400`);
  expect(await dropTooOld(db)).toBe(1);
  expect(await kept()).toEqual(['', letter]);
  const api = await testApi(db);
  expect((await api.call('GET', `/api/dead-letters?replayId=${replay}`)).text).toContain('neigh-a');
});

test('an upgrade empties what is kept of people who were deleted before it', async () => {
  const { db } = await newScene(await testDatabase());
  await asKeptBefore(db);
  await db.run(sql`update event set raw = '', message_id = '', user_id = 'gone' where user_id = 'victim-77'`);
  expect(await ofHim(db)).toEqual(['dead_letter.failure: 1', 'lane.samples: 1']);
  await db.run(sql`
    insert into suppression (id, user_id, revision) values (gen_random_uuid(), 'victim-77', 1)`);
  await db.run(sql`
    insert into deletion (id, subject_hash, suppress, suppression_id, own_suppression, revision, asked_by_name, ended_at)
    select gen_random_uuid(), '', true, id, true, 1, 'x', now() from suppression`);
  await db.pool.query(upgrade);
  expect(await ofHim(db)).toEqual([]);
});

test('a deletion empties what an earlier version kept, as nobody knows of whom it tells', async () => {
  const { db } = await newScene(await testDatabase());
  await asKeptBefore(db);
  await db.pool.query(upgrade);
  expect(await ofHim(db)).toEqual(['dead_letter.failure: 1', 'event.raw: 1', 'lane.samples: 1']);
  await forgetVictim(db);
  expect(await ofHim(db)).toEqual([]);
});
