import { announceReady, onShutdown } from '../child-process.ts';
import { dedupeWindowOf, readConfig, required, tracingOf } from '../config.ts';
import { announceProcess } from '../db/processes.ts';
import { refuseOldSchema } from '../db/schema-state.ts';
import { refuseWrongKey } from '../db/secret-key-state.ts';
import { openDatabase } from '../db/database.ts';
import { addOwnDefinitions } from '../destinations/catalog/own-folder.ts';
import { parseEgressAllow } from '../destinations/egress-address.ts';
import { createKeyring, keyIdsOf } from '../destinations/secrets.ts';
import { createLogger } from '../log.ts';
import { openMetrics } from '../metrics/open.ts';
import { version } from '../version.ts';
import { openOrchestrator } from '../temporal/orchestrator.ts';
import { openTracing } from '../tracing/tracing.ts';
import { createApp } from './app.ts';
import { openEngineMetrics } from './engine-metrics.ts';
import { startServer } from './server.ts';
import { createTrackingHandler } from './tracking/handler.ts';
import { upkeep } from './upkeep.ts';

// The API process serves the one HTTP port. It starts, and answers, while Postgres or Temporal are away.
const config = readConfig();
const log = createLogger(config, 'api');
await addOwnDefinitions(config.REPRISE_DESTINATIONS);
const db = openDatabase({ url: required(config, 'DATABASE_URL'), name: 'reprise-api' });
// Events come in over connections of their own, so that no search in the archive keeps them waiting.
const trackingDb = openDatabase({ url: required(config, 'DATABASE_URL'), name: 'reprise-tracking' });
await refuseOldSchema(db, (unknown) => log.warn({ unknown }, 'a newer version has migrated the database'));
const keyring = createKeyring(required(config, 'REPRISE_SECRET_KEY'), ...config.REPRISE_OTHER_SECRET_KEYS);
await refuseWrongKey(db, { known: keyIdsOf(keyring), lost: config.REPRISE_LOST_SECRET_KEYS }, (closed) =>
  log.warn(`settings stay closed to REPRISE_SECRET_KEY: ${closed}`),
);
const orchestrator = openOrchestrator(config);
const stopping = new AbortController();
const dedupeWindow = dedupeWindowOf(config);
const deps = {
  db,
  orchestrator,
  log,
  dedupeWindow,
  suppressedUsers: config.REPRISE_SUPPRESSED_USERS,
  adminToken: required(config, 'REPRISE_ADMIN_TOKEN'),
  requestsPerSecond: config.REPRISE_API_RATE,
  region: config.REPRISE_REGION ?? null,
  keyring,
  egress: parseEgressAllow(config.REPRISE_EGRESS_ALLOW),
  stopping: stopping.signal,
};

const tracking = createTrackingHandler({
  db: trackingDb,
  logger: log,
  dedupeWindow,
  ...(config.REPRISE_PUBLIC_URL !== undefined && { publicUrl: config.REPRISE_PUBLIC_URL }),
});
const server = await startServer({
  host: config.REPRISE_HOST,
  port: config.PORT,
  first: tracking,
  app: createApp(deps),
});
const presence = announceProcess(db, { role: 'api', version, keyIds: keyIdsOf(keyring) });
const kept = upkeep(deps);
const traces = openTracing({ ...tracingOf(config), role: 'api', version });
openEngineMetrics(deps);
const metrics = await openMetrics({
  role: 'api',
  version,
  pools: { api: db.pool, tracking: trackingDb.pool },
  host: config.REPRISE_HOST,
  port: config.REPRISE_METRICS_PORT,
});

onShutdown(async () => {
  stopping.abort();
  await server.close();
  await tracking.close();
  // The SDK's client throws outside of any call when its connection is closed under one that it retries.
  await kept;
  await metrics?.close();
  await traces?.close();
  await presence.close();
  await orchestrator.close();
  await Promise.all([db.close(), trackingDb.close()]);
});
const ports = { port: server.port, ...(metrics !== null && { metricsPort: metrics.port }) };
announceReady(ports);
log.info(ports, 'ready');
