import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { createOrchestrateActivities } from '../activities/orchestrate.ts';
import { announceReady, onShutdown } from '../child-process.ts';
import { dedupeWindowOf, readConfig, required } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { announceProcess } from '../db/processes.ts';
import { refuseOldSchema } from '../db/schema-state.ts';
import { createLogger } from '../log.ts';
import { openMetrics } from '../metrics/open.ts';
import { version } from '../version.ts';
import { openOrchestrator } from '../temporal/orchestrator.ts';
import { orchestrationQueue } from '../workflows/messages.ts';
import { connectWorker, installRuntime, runWorkers } from './temporal-runtime.ts';
import { untilDone } from './until-done.ts';

// The orchestration process runs the workflows and what they do beside delivering.
const config = readConfig();
const log = createLogger(config, 'orchestration');
await installRuntime(config, log);

const db = openDatabase({ url: required(config, 'DATABASE_URL'), name: 'reprise-orchestration' });
await refuseOldSchema(db, (unknown) => log.warn({ unknown }, 'a newer version has migrated the database'));
const orchestrator = openOrchestrator(config);
const connection = await connectWorker(config, log);
// Search attributes must be known before a workflow uses them, so nothing is polled before this has worked.
await untilDone(() => orchestrator.ensureFanOut(), log, 'fan-out could not be started yet');

const worker = await Worker.create({
  connection,
  namespace: config.TEMPORAL_NAMESPACE,
  taskQueue: orchestrationQueue,
  ...workflows(),
  activities: createOrchestrateActivities({ db, orchestrator, dedupeWindow: dedupeWindowOf(config) }),
  maxCachedWorkflows: 500,
  shutdownGraceTime: 0,
  shutdownForceTime: '9s',
});
const presence = announceProcess(db, { role: 'orchestration', version, keyIds: [] });
const stopWorkers = runWorkers([worker]);

const metrics = await openMetrics({
  role: 'orchestration',
  version,
  pools: { orchestration: db.pool },
  host: config.REPRISE_HOST,
  port: config.REPRISE_METRICS_PORT,
});

onShutdown(async () => {
  await stopWorkers();
  await connection.close();
  await orchestrator.close();
  await presence.close();
  await metrics?.close();
  await db.close();
});
const ports = metrics === null ? {} : { metricsPort: metrics.port };
announceReady(ports);
log.info(ports, 'ready');

/** The workflows as the build has bundled them (scripts/build.mjs); from the sources they are bundled at each start. */
function workflows() {
  const pathOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
  const bundle = pathOf('workflow-bundle.js');
  return existsSync(bundle)
    ? { workflowBundle: { codePath: bundle } }
    : { workflowsPath: pathOf('workflows') };
}
