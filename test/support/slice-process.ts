// A worker process that works lanes of a run, slice after slice, without Temporal around it.
//   node test/support/slice-process.ts <database> <run> <lane,lane,...>       the key that settings are sealed with: KEY
import { setTimeout as pause } from 'node:timers/promises';
import { HeldSlots } from '../../src/activities/held-slots.ts';
import { Accounts } from '../../src/activities/accounts.ts';
import { Slice } from '../../src/activities/slice.ts';
import { defaultTiming } from '../../src/activities/slice-timing.ts';
import { SuppressionList } from '../../src/activities/suppression-list.ts';
import { takeLaneWhenFree } from '../../src/activities/take-lane.ts';
import { openDatabase } from '../../src/db/database.ts';
import type { HeadWatch } from '../../src/db/head-watch.ts';
import { readLaneKnowledge } from '../../src/db/lane-knowledge.ts';
import { parseEgressAllow } from '../../src/destinations/egress-address.ts';
import { createKeyring } from '../../src/destinations/secrets.ts';
import { createOpenSender } from '../../src/workers/open-sender.ts';

const [url, runId, lanes] = process.argv.slice(2) as [string, string, string];
const db = openDatabase({ url, name: 'slice-process', maxConnections: 8, idleInTransactionMs: 5_000 });
const accounts = new Accounts(db);
const suppressions = new SuppressionList(db);
const openSender = createOpenSender({
  keyring: createKeyring(process.env['KEY']!),
  egress: parseEgressAllow(['127.0.0.1/32']),
});
const noHead: HeadWatch = { head: 0, onRise: () => () => undefined, close: () => Promise.resolve() };
const stop = new AbortController();
const now = () => performance.now();
process.on('SIGTERM', () => stop.abort());

async function work(lane: number): Promise<void> {
  while (!stop.signal.aborted) {
    const takenAt = now();
    const taken = await takeLaneWhenFree(db, { runId, lane }, { now, signal: stop.signal, limitMs: 60_000 });
    if (taken === null) continue;
    if (taken.kind !== 'taken') return;
    const sender = await openSender(taken.lane, db);
    const slice = new Slice(taken.lane, await readLaneKnowledge(db, taken.lane), takenAt, {
      db,
      head: noHead,
      sender,
      suppressions,
      accounts,
      heldSlots: new HeldSlots({ stream: 1, replay: 1 }),
      tell: () => undefined,
      now,
      random: Math.random,
      timing: defaultTiming,
      signal: stop.signal,
    });
    const end = await slice.work().catch(() => null); // as an activity, it is tried again
    await sender.close();
    if (end?.kind === 'done') return;
    if (end === null || end.kind === 'held') await pause(500);
  }
}

process.send?.({ kind: 'ready' });
await Promise.all(lanes.split(',').map((lane) => work(Number(lane))));
await accounts.close();
await db.close();
process.disconnect();
