import { Worker } from '@temporalio/worker';
import { Accounts } from '../activities/accounts.ts';
import { createDeliverSlice } from '../activities/deliver-slice.ts';
import { HeldSlots } from '../activities/held-slots.ts';
import { LeaseWatcher } from '../activities/lease-watcher.ts';
import { defaultTiming } from '../activities/slice-timing.ts';
import { SuppressionList } from '../activities/suppression-list.ts';
import { announceReady, onShutdown } from '../child-process.ts';
import { readConfig, required, tracingOf } from '../config.ts';
import { leaseMs } from '../core/lease.ts';
import { openDatabase } from '../db/database.ts';
import { announceProcess } from '../db/processes.ts';
import { refuseOldSchema } from '../db/schema-state.ts';
import { refuseWrongKey } from '../db/secret-key-state.ts';
import { watchHead } from '../db/head-watch.ts';
import { addOwnDefinitions } from '../destinations/catalog/own-folder.ts';
import { parseEgressAllow } from '../destinations/egress-address.ts';
import { installEgressGuard } from '../destinations/egress-guard.ts';
import { createKeyring, keyIdsOf } from '../destinations/secrets.ts';
import { createLogger } from '../log.ts';
import { openMetrics } from '../metrics/open.ts';
import { version } from '../version.ts';
import { openOrchestrator } from '../temporal/orchestrator.ts';
import { openTracing } from '../tracing/tracing.ts';
import { liveQueue, replayQueue } from '../workflows/messages.ts';
import { createOpenSender } from './open-sender.ts';
import { connectWorker, installRuntime, runWorkers } from './temporal-runtime.ts';
import { untilDone } from './until-done.ts';
import { startWaker } from './waker.ts';
import { watchRejections } from './watch-rejections.ts';

// A delivery process works slices of streams and replays, each kind on a task queue of its own.
// A stream at work costs about 0.6 MB and 2 ms of CPU a second beside what it sends (measured with 110 of them), one that
// is parked costs no slot.
const liveSlots = 500;
const replaySlots = 50;
/** Each heartbeat is a write to Temporal's store: streams, of which there are hundreds, say less than replays. */
const liveHeartbeat = '3s';
const replayHeartbeat = '1s';

const config = readConfig();
const log = createLogger(config, 'delivery');
await addOwnDefinitions(config.REPRISE_DESTINATIONS);
await installRuntime(config, log);
installEgressGuard();

const url = required(config, 'DATABASE_URL');
const traces = openTracing({ ...tracingOf(config), role: 'delivery', version });
const db = openDatabase({
  url,
  name: 'reprise-delivery',
  maxConnections: 20,
  queryTimeoutMs: 10_000,
  idleInTransactionMs: leaseMs, // a worker that is stopped within a commit would else keep its lane locked
});
await refuseOldSchema(db, (unknown) => log.warn({ unknown }, 'a newer version has migrated the database'));
const keyring = createKeyring(required(config, 'REPRISE_SECRET_KEY'), ...config.REPRISE_OTHER_SECRET_KEYS);
await refuseWrongKey(db, { known: keyIdsOf(keyring), lost: config.REPRISE_LOST_SECRET_KEYS }, (closed) =>
  log.warn(`settings stay closed to REPRISE_SECRET_KEY: ${closed}`),
);
const head = watchHead(db);
const accounts = new Accounts(db);
const leases = new LeaseWatcher(db, () => performance.now());
const orchestrator = openOrchestrator(config);
const openSender = createOpenSender({
  keyring,
  egress: parseEgressAllow(config.REPRISE_EGRESS_ALLOW),
});
watchRejections(log);
const suppressions = new SuppressionList(db);
const deliverSlice = createDeliverSlice({
  db,
  head,
  accounts,
  heldSlots: new HeldSlots({ stream: liveSlots / 2, replay: replaySlots / 2 }),
  leases,
  openSender,
  suppressions,
  timing: defaultTiming,
  tell: ({ what, ...news }) => {
    if (what === 'destination_up') log.info(news, 'the destination is up again');
    else
      log.warn(news, what === 'replay_paused' ? 'the replay has paused itself' : 'the destination is down');
  },
});
const activities = { deliverSlice };

const connection = await connectWorker(config, log);
const create = (taskQueue: string, slots: number, heartbeat: '3s' | '1s') =>
  Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue,
    activities,
    maxConcurrentActivityTaskExecutions: slots,
    // Temporal hands tasks to whoever has asked for one longest, also to a process that stands still: each question that
    // such a one has open costs a lane a heartbeat timeout. Slices take minutes, so one question at a time is enough.
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
    // A cancel, and what a person sees inside a slice, arrive with heartbeats.
    maxHeartbeatThrottleInterval: heartbeat,
    shutdownGraceTime: 0,
    shutdownForceTime: '9500ms',
  });
const stopWorkers = runWorkers([
  await create(liveQueue, liveSlots, liveHeartbeat),
  await create(replayQueue, replaySlots, replayHeartbeat),
]);
const presence = announceProcess(db, { role: 'delivery', version, keyIds: keyIdsOf(keyring) });
const stopWaker = startWaker(db, head, orchestrator, log);
// Each process that boots sees to it, so that no other one has to be there first.
let ending = false;
const ensureFanOut = async () => {
  if (!ending) await orchestrator.ensureFanOut();
};
void untilDone(ensureFanOut, log, 'fan-out could not be started yet');

const metrics = await openMetrics({
  role: 'delivery',
  version,
  pools: { delivery: db.pool },
  host: config.REPRISE_HOST,
  port: config.REPRISE_METRICS_PORT,
});

onShutdown(async () => {
  ending = true;
  await stopWaker();
  await stopWorkers();
  await connection.close();
  await orchestrator.close();
  await presence.close();
  await metrics?.close();
  await traces?.close();
  await accounts.close();
  await leases.close();
  await head.close();
  await db.close();
});
const ports = metrics === null ? {} : { metricsPort: metrics.port };
announceReady(ports);
log.info(ports, 'ready');
