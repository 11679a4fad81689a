import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import type { LaneNews } from '../../src/activities/lane-news.ts';
import { LeaseWatcher } from '../../src/activities/lease-watcher.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { ReplayRequest } from '../../src/core/replay-request.ts';
import { listAudit } from '../../src/db/audit/read.ts';
import { createReplay, setReplayDesired } from '../../src/db/replays.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import type { Sender } from '../../src/destinations/definition.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, runOf, runToEnd, turns, type Engine } from '../support/engine.ts';
import { statusOf } from '../support/engine-waiting.ts';
import { sliceActivity } from '../support/slice-activity.ts';

const db = await testDatabase();
const leases = new LeaseWatcher(db, () => performance.now());
afterAll(() => leases.close());

/** A destination of Salesforce, as far as the engine knows it, whose last action can be mapped anew; and what is sent. */
async function salesforce(actions = 1) {
  const engine = await newEngine(db, { actions });
  await db.run(sql`update destination set type = 'actions-salesforce' where id = ${engine.destinationId}`);
  await db.run(
    sql`update action set definition_action = 'contact' where destination_id = ${engine.destinationId}`,
  );
  const map = (operation: string) =>
    db.run(sql`
      insert into action_version (action_id, version, mapping)
      select action_id, max(version) + 1, ${JSON.stringify({ operation })}::jsonb
      from action_version where action_id = ${engine.actions.at(-1)!} group by action_id`);
  await map('upsert');
  const events = await append(engine, turns(4));
  const sent: string[] = [];
  const answering = (outcome: Outcome): Sender => ({
    batchSize: 1,
    concurrency: 1,
    send: (deliveries) => {
      sent.push(...deliveries.map(({ event }) => event.messageId));
      return Promise.resolve(deliveries.map(() => outcome));
    },
    close: () => Promise.resolve(),
  });
  return { engine, map, events, sent, answering, sender: answering({ kind: 'delivered' }) };
}

async function ask({ destinationId }: Engine, more: Record<string, unknown> = {}): Promise<string> {
  const id = randomUUID();
  const request = ReplayRequest.parse({ destinationId, ...more });
  const made = await db.transaction((tx) =>
    createReplay(tx, { id, destinationId, request, whenBusy: 'wait' }),
  );
  if (made.kind !== 'created') throw new Error(`no replay: ${made.kind}`);
  return id;
}

/** Works a slice as a worker does. */
async function deliver(engine: Engine, sender: Sender, runId: string) {
  const news: LaneNews[] = [];
  const openSender = () => Promise.resolve(sender);
  const told = await sliceActivity(engine, { leases, openSender, tell: (one) => void news.push(one) }).run(
    runId,
  );
  return { told, news: news.map(({ what, reason }) => `${what} ${reason}`) };
}

test('a planned replay whose action takes something away by the time it begins pauses, and sends nothing until a person has resumed it', async () => {
  const { engine, map, events, sent, sender } = await salesforce();
  const first = await ask(engine, { range: { by: 'position', to: events[0]!.position } });
  const planned = await ask(engine);
  await map('delete');
  await runToEnd(engine, first, { sender });
  expect((await runOf(engine, planned)).desired).toBe('running');
  const { told, news } = await deliver(engine, sender, planned);
  expect(told).toMatchObject({ next: 'stopped', reason: 'side_effects' });
  expect(news).toEqual(['replay_paused side_effects']);
  expect(await statusOf(engine, planned)).toMatchObject({ status: 'paused', statusReason: 'side_effects' });
  expect(sent).toEqual([events[0]!.messageId]);
  const audit = await listAudit(db, { resource: `/api/replays/${planned}` }, { limit: 10 });
  expect(audit).toMatchObject([{ action: 'brakeReplay' }]);

  await setReplayDesired(db, planned, 'running');
  expect(await deliver(engine, sender, planned)).toMatchObject({ told: { next: 'done' }, news: [] });
  expect(sent).toEqual(events.map(({ messageId }) => messageId));
});

test.each([
  ['it was allowed', { allowSideEffects: ['contact'] }, 'delete'],
  ['it does nothing of the kind', {}, 'upsert'],
])('a replay goes on when %s', async (_, request, operation) => {
  const { engine, map, sent, sender } = await salesforce();
  await map(operation);
  const run = await ask(engine, request);
  expect(await deliver(engine, sender, run)).toMatchObject({ told: { next: 'done' }, news: [] });
  expect(sent).toHaveLength(4);
});

test('a replay of failures is asked about the actions of the dead letters that it takes up', async () => {
  const { engine, map, sent, answering, sender } = await salesforce(2);
  const [harmless, other] = engine.actions;
  await map('delete');
  const failure = { errorClass: 'http_400', message: 'no' };
  const dies = async (action: string) => {
    const run = await ask(engine, { actions: [action], allowSideEffects: ['contact'] });
    await runToEnd(engine, run, { sender: answering({ kind: 'refused', failure }) });
    sent.length = 0;
  };
  await dies(harmless!);
  const first = await ask(engine, { mode: 'failed' });
  expect(await deliver(engine, sender, first)).toMatchObject({ told: { next: 'done' }, news: [] });
  expect(sent).toHaveLength(4);
  await db.transaction((tx) => endRunIfDue(tx, first));
  await dies(other!);
  const second = await ask(engine, { mode: 'failed' });
  expect((await deliver(engine, sender, second)).news).toEqual(['replay_paused side_effects']);
  expect(sent).toEqual([]);
});
