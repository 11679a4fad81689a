import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { openDatabase, type Database } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { sql } from '../../src/db/sql.ts';
import { startPostgres } from '../../src/dev/postgres.ts';
import { testDatabase } from '../support/database.ts';
import { trackEvent } from '../support/events.ts';
import { archivedOf, basic, newKey, send, trackingServer, type Answer } from '../support/tracking.ts';

const db = await testDatabase();
const item = (id: string) => `{"type":"track","event":"e","userId":"u","messageId":"${id}"}`;
const post = (url: string, writeKey: string, body: string) =>
  send(`${url}/v1/track`, { headers: { authorization: basic(writeKey) }, body });

/** Keeps all appends of the database waiting while `work` runs, as another process's append would. */
async function whileAppendsWait(work: (waiting: () => Promise<void>) => Promise<void>): Promise<void> {
  const { sourceId } = await newKey(db);
  const waiting = () =>
    expect
      .poll(() =>
        db.rows(
          sql`select 1 from pg_stat_activity where wait_event = 'advisory' and datname = current_database()`,
        ),
      )
      .toHaveLength(1);
  await db.transaction(async (tx) => {
    await appendEvents(tx, [trackEvent(sourceId)]);
    await work(waiting);
  });
}

/** Whether a promise has settled, without waiting for it. */
function watch(answer: Promise<Answer>) {
  const state: { answer: Answer | null } = { answer: null };
  answer.then(
    (settled) => (state.answer = settled),
    () => undefined,
  );
  return state;
}

test('nobody hears 200 before the commit', async () => {
  const { url } = await trackingServer({ db });
  const { sourceId, writeKey } = await newKey(db);
  let answer: Promise<Answer> | undefined;
  await whileAppendsWait(async (waiting) => {
    answer = post(url, writeKey, item('a'));
    const state = watch(answer);
    await waiting();
    expect(state.answer).toBeNull();
    expect(await archivedOf(db, sourceId)).toEqual([]);
  });
  expect(await answer).toMatchObject({ status: 200 });
  expect(await archivedOf(db, sourceId)).toHaveLength(1);
});

test('a full queue answers 503 with Retry-After, and what was taken up is stored', async () => {
  const { url } = await trackingServer({ db, maxWaitingEvents: 3 });
  const { sourceId, writeKey } = await newKey(db);
  expect((await post(url, writeKey, item('warm'))).status).toBe(200);
  const taken: Promise<Answer>[] = [];
  await whileAppendsWait(async (waiting) => {
    taken.push(post(url, writeKey, item('first')));
    await waiting();
    const list = Array.from({ length: 8 }, (_, index) => post(url, writeKey, item(`more-${index}`)));
    const states = list.map(watch);
    await expect.poll(() => states.filter(({ answer }) => answer !== null).length).toBe(5);
    for (const { answer } of states) {
      if (answer === null) continue;
      expect(answer.status).toBe(503);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers['access-control-allow-origin']).toBe('*');
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'overloaded' });
    }
    taken.push(...list.filter((_, index) => states[index]?.answer === null));
  });
  for (const answer of await Promise.all(taken)) expect(answer.status).toBe(200);
  expect(await archivedOf(db, sourceId)).toHaveLength(1 + taken.length);
});

test('closing stores what was taken up, then answers 503', async () => {
  const { url, handler } = await trackingServer({ db });
  const { sourceId, writeKey } = await newKey(db);
  let answer: Promise<Answer> | undefined;
  let closing: Promise<void> | undefined;
  await whileAppendsWait(async (waiting) => {
    answer = post(url, writeKey, item('a'));
    await waiting();
    closing = handler.close();
    const late = await post(url, writeKey, item('late'));
    expect(late).toMatchObject({ status: 503 });
    expect(late.headers['retry-after']).toBeDefined();
  });
  await closing;
  expect(await answer).toMatchObject({ status: 200 });
  expect((await archivedOf(db, sourceId)).map((event) => event.messageId)).toEqual(['a']);
});

interface OwnPostgres {
  readonly db: Database;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** A Postgres of this test's own, which it may stop. */
async function withPostgres(work: (server: OwnPostgres) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'reprise-outage-'));
  await chmod(folder, 0o755); // as root, Postgres runs as a user of its own
  const options = { dataDir: join(folder, 'pg'), settings: ['fsync=off'] };
  let server = await startPostgres(options);
  const { port } = server;
  await migrate(server.url);
  const own = openDatabase({ url: server.url, name: 'test' });
  try {
    await work({
      db: own,
      stop: () => server.stop(),
      start: async () => {
        server = await startPostgres({ ...options, port });
        expect(server.port).toBe(port);
      },
    });
  } finally {
    await own.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

test('while Postgres is away every answer is 503; once it is back, retries lose and double nothing', async () => {
  await withPostgres(async ({ db: own, start, stop }) => {
    const { url, close } = await trackingServer({ db: own });
    const { sourceId, writeKey } = await newKey(own);
    const acknowledged = new Set<string>();
    const refused = new Set<string>();
    const sendIds = async (ids: readonly string[]) => {
      await Promise.all(
        ids.map(async (id) => {
          const answer = await post(url, writeKey, item(id));
          if (answer.status === 200) {
            acknowledged.add(id);
            return;
          }
          expect(answer.status).toBe(503);
          expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
          refused.add(id);
        }),
      );
    };
    const ids = (count: number) => Array.from({ length: count }, () => randomUUID());
    await sendIds(ids(10));
    expect(acknowledged.size).toBe(10);
    // Requests come in while it goes down, while it is away, and while it comes back.
    const state = { stopped: false };
    const stopping = stop().then(() => (state.stopped = true));
    for (let turn = 0; turn < 200 && !state.stopped; turn++) await sendIds(ids(10));
    await stopping;
    await sendIds(ids(10));
    expect(refused.size).toBeGreaterThanOrEqual(10);
    await start();
    await expect
      .poll(async () => (await post(url, writeKey, item('back'))).status, { timeout: 15_000 })
      .toBe(200);
    acknowledged.add('back');
    await sendIds([...refused, ...acknowledged]);
    const stored = (await archivedOf(own, sourceId)).map((event) => event.messageId);
    expect(stored.toSorted()).toEqual([...acknowledged].toSorted());
    expect([...refused].filter((id) => !acknowledged.has(id))).toEqual([]);
    await close();
  });
});
