// `npm start`: the whole of Reprise on one machine. Starts what is missing, says where it is, and stops it in order.
import { tryLock, type HeldLock } from '../../scripts/file-lock.mjs';
import { createProgress, type Progress, type Step } from '../../scripts/progress.mjs';
import { ConfigError, readConfig, type Config } from '../config.ts';
import { archiveSummary } from '../db/archive/summary.ts';
import { openDatabase, type Database } from '../db/database.ts';
import { listDestinations } from '../db/destinations.ts';
import { migrate } from '../db/migrate.ts';
import { banner, type BannerFacts } from './banner.ts';
import { withoutRepeats } from './child-log.ts';
import type { Child } from './child.ts';
import {
  startDemoDestination,
  startProcesses,
  stopLeftoverChildren,
  type ChildContext,
  type ServingChild,
} from './children.ts';
import { demoSourceId, demoWriteKey, loadDemoData } from './demo-data/load.ts';
import { openDataFolder, secretsOf, type DataFolder } from './data-folder.ts';
import { refuseForeignKey } from './foreign-key.ts';
import { providePostgres, provideTemporal, type DatabaseAddress, type StartContext } from './servers.ts';
import { version } from '../version.ts';
import { stopOnSignals } from './stop-signals.ts';
import { StopOrder, StoppingError } from './stop-order.ts';

/** The same warning of a child is shown once in this time. */
const repeatMs = 60_000;

await main();

async function main(): Promise<void> {
  const progress = createProgress();
  try {
    const config = readConfig();
    const folder = openDataFolder(config);
    const lock = tryLock(folder.in('lock'));
    if (lock.holder === undefined) await run(config, folder, lock, progress);
    else refuse(folder, lock.holder);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

function refuse(folder: DataFolder, holder: { readonly pid?: number; readonly url?: unknown }): void {
  const where = typeof holder.url === 'string' ? ` at ${holder.url}` : ', and is just starting';
  console.error(
    `Reprise runs already on ${folder.shown() || '.'} (process ${holder.pid ?? 'unknown'})${where}.\n` +
      'Stop that one first, or give this one a folder of its own by REPRISE_DATA_DIR.',
  );
  process.exitCode = 1;
}

async function run(config: Config, folder: DataFolder, lock: HeldLock, progress: Progress): Promise<void> {
  const order = new StopOrder();
  const stopping = new AbortController();
  await order.add('lock', { stop: async () => lock.release() });
  stopOnSignals(order, stopping, progress);
  try {
    await start({ config, folder: folder.path, progress, order, stopping: stopping.signal }, folder, lock);
  } catch (error) {
    if (stopping.signal.aborted || error instanceof StoppingError) return; // the one who stops it ends the process
    progress.say(error instanceof Error ? error.message : String(error));
    progress.say('The start failed; stopping what has been started.');
    await order.stop();
    process.exit(1);
  }
}

async function start(context: StartContext, folder: DataFolder, lock: HeldLock): Promise<void> {
  const { config, progress, order } = context;
  const children: ChildContext = {
    config,
    folder,
    say: withoutRepeats((line) => progress.say(`! ${line}`), repeatMs, Date.now),
  };
  await stopLeftoverChildren(folder);
  const demo = startDemoDestination(children);
  await order.add('demo destination', demo.child);
  const secrets = secretsOf(config, folder);
  const postgres = providePostgres(context).then(async (provided) => {
    const database = await migrated(provided);
    await refuseForeignKey(database, { config, secrets, folder });
    return database;
  });
  const seeding = postgres.then((database) => seed(progress, database, config, folder));
  seeding.catch(() => undefined); // awaited below, when the rest has got that far
  const [database, temporal] = await Promise.all([postgres, provideTemporal(context)]);
  const { api, workers } = startProcesses(children, { database, temporal, secrets });
  await Promise.all([api.child, ...workers].map((child) => order.add('processes', child)));
  const [{ apiPort, demoPort, metricsPorts }, db] = await Promise.all([
    allReady(progress, api, demo, workers),
    seeding,
  ]);
  const content = await contentOf(db);
  await db.close();
  lock.tell({ url: `http://localhost:${apiPort}` });
  progress.say(
    banner({
      ...content,
      version: version,
      seconds: performance.now() / 1000,
      apiPort,
      takenPort: apiPort === config.PORT || config.PORT === 0 ? null : config.PORT,
      adminTokenFile: secrets.adminTokenFile,
      metricsPorts,
      temporalUi: temporal.uiUrl,
      demoPort,
      logs: folder.shown('logs'),
    }),
  );
}

async function migrated(database: DatabaseAddress): Promise<DatabaseAddress> {
  try {
    await migrate(database.url);
  } catch (error) {
    if (database.embedded) throw error;
    throw new Error(`The Postgres that DATABASE_URL names cannot be used: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  return database;
}

/** Node gives a failed connection to a name with several addresses no words of its own. */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return message === undefined || message === '' ? (code ?? 'unknown') : message;
}

/** Waits until all serve; gives back their ports. */
async function allReady(
  progress: Progress,
  api: ServingChild,
  demo: ServingChild,
  workers: readonly Child[],
): Promise<Pick<BannerFacts, 'apiPort' | 'demoPort' | 'metricsPorts'>> {
  const step = progress.start('Starting API and workers');
  const [apiReady, demoReady, ...others] = await Promise.all([
    api.child.ready,
    demo.child.ready,
    ...workers.map((worker) => worker.ready),
  ]).catch((error: Error) => {
    step.fail();
    throw error;
  });
  step.done(`API, demo destination and ${workers.length} workers run`);
  return {
    apiPort: apiReady.port ?? api.port(),
    demoPort: demoReady.port ?? demo.port(),
    metricsPorts: [apiReady, ...others].flatMap(({ metricsPort }) => metricsPort ?? []),
  };
}

/** Loads the demo data where there is something to load; gives back the open database. */
async function seed(
  progress: Progress,
  database: DatabaseAddress,
  config: Config,
  folder: DataFolder,
): Promise<Database> {
  const db = openDatabase({ url: database.url, name: 'reprise-start', maxConnections: 2 });
  let step: Step | null = null;
  const begin = () => (step ??= progress.start('Loading the demo shop'));
  const added = await loadDemoData({
    db,
    total: config.REPRISE_SEED_EVENTS,
    noteFile: folder.in('demo-data.json'),
    now: new Date(),
    onProgress: begin,
  });
  if (added !== null) begin().done(`Demo shop: ${added.toLocaleString('en')} events loaded`);
  return db;
}

/** What the banner says of the database's content. */
async function contentOf(
  db: Database,
): Promise<Pick<BannerFacts, 'archive' | 'writeKey' | 'hasDestinations'>> {
  const [archive, demo, destinations] = await Promise.all([
    archiveSummary(db),
    demoSourceId(db),
    listDestinations(db, { limit: 1 }),
  ]);
  return { archive, writeKey: demo === null ? null : demoWriteKey, hasDestinations: destinations.length > 0 };
}
