import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Progress } from '../../scripts/progress.mjs';
import { keepServer } from './kept-server.ts';
import { startPostgres } from './postgres.ts';
import type { StopOrder } from './stop-order.ts';
import { obtainTemporalCli } from './temporal-cli/obtain.ts';
import { startTemporal } from './temporal.ts';

/** Not Postgres' own usual port, which a person's other projects expect to find free. */
const usualPostgresPort = 54_320;
const usualTemporalPort = 7233;

export interface StartContext {
  readonly config: Config;
  /** Absolute path of the data folder. */
  readonly folder: string;
  readonly progress: Progress;
  readonly order: StopOrder;
  /** Aborted when everything is being stopped. */
  readonly stopping: AbortSignal;
}

export interface DatabaseAddress {
  readonly url: string;
  readonly embedded: boolean;
}

/** The Postgres to use: the given one, or an embedded one that is kept running. */
export async function providePostgres(context: StartContext): Promise<DatabaseAddress> {
  const { config, folder, progress, order } = context;
  if (config.DATABASE_URL !== undefined) return { url: config.DATABASE_URL, embedded: false };
  const step = progress.start('Starting Postgres');
  const start = (port: number) =>
    startPostgres({
      dataDir: join(folder, 'postgres'),
      port,
      logFile: join(folder, 'logs', 'postgres.log'),
    });
  const starting = start(usualPostgresPort).then((server) => ({
    server,
    ...keepServer('Postgres', server, () => start(server.port), progress.say),
  }));
  try {
    const { server } = await order.add('postgres', starting);
    step.done(`Postgres ${server.major} on port ${server.port}`);
    return { url: server.url, embedded: true };
  } catch (error) {
    step.fail();
    throw error;
  }
}

export interface TemporalAddress {
  readonly address: string;
  /** Null when the given server's UI is not known. */
  readonly uiUrl: string | null;
  readonly embedded: boolean;
}

/** The Temporal to use: the given one, or a dev server that is kept running. */
export async function provideTemporal(context: StartContext): Promise<TemporalAddress> {
  const { config, progress, order } = context;
  if (config.TEMPORAL_ADDRESS !== undefined) {
    return { address: config.TEMPORAL_ADDRESS, uiUrl: config.TEMPORAL_UI_URL ?? null, embedded: false };
  }
  const step = progress.start('Starting Temporal');
  try {
    const { server } = await order.add('temporal', startKept(context, step.note));
    step.done(`Temporal ${server.version} on port ${server.port}`);
    return { address: server.address, uiUrl: server.uiUrl, embedded: true };
  } catch (error) {
    step.fail();
    throw error;
  }
}

async function startKept(context: StartContext, say: (line: string) => void) {
  const { config, folder, progress, stopping } = context;
  const cli = await obtainTemporalCli({
    named: config.TEMPORAL_CLI,
    cacheHome: config.XDG_CACHE_HOME,
    say,
    stopping,
  });
  const start = (port: number, uiPort: number) =>
    startTemporal({
      dataDir: join(folder, 'temporal'),
      port,
      uiPort,
      namespace: config.TEMPORAL_NAMESPACE,
      cli,
      logFile: join(folder, 'logs', 'temporal.log'),
    });
  const server = await start(usualTemporalPort, config.TEMPORAL_UI_PORT);
  return { server, ...keepServer('Temporal', server, () => start(server.port, server.uiPort), progress.say) };
}
