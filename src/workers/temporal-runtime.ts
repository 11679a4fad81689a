import { NativeConnection, Runtime, type LogMetadata, type Worker } from '@temporalio/worker';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { temporalSettings } from '../temporal/connection.ts';
import { temporalMetrics } from './temporal-metrics.ts';
import { untilDone } from './until-done.ts';

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** Makes the SDK log into the process's own log, and leaves signals to the process. Once, before anything of Temporal. */
export async function installRuntime(config: Config, log: Logger): Promise<void> {
  const write = (level: Level, message: string, meta: LogMetadata = {}) => {
    const { error, ...rest } = meta;
    // What the SDK tells of its own workers (a state has changed, no workflows on this queue) is for debugging.
    const own = meta['sdkComponent'] === 'worker' && level !== 'error';
    log[own ? 'debug' : level](error === undefined ? rest : { ...rest, err: error }, message);
  };
  const at = (level: Level) => (message: string, meta?: LogMetadata) => write(level, message, meta);
  Runtime.install({
    shutdownSignals: [],
    logger: {
      log: (level, message, meta) => write(level.toLowerCase() as Level, message, meta),
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
    },
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      ...(config.REPRISE_METRICS_PORT !== undefined && { metrics: await temporalMetrics() }),
    },
  });
}

/** Connects, waiting for a server that is not there yet. */
export async function connectWorker(config: Config, log: Logger): Promise<NativeConnection> {
  const { address, tls, apiKey, metadata } = temporalSettings(config).connection;
  const connect = () =>
    NativeConnection.connect({
      ...(address !== undefined && { address }),
      ...(tls !== undefined && { tls }),
      ...(typeof apiKey === 'string' && { apiKey }),
      ...(metadata !== undefined && { metadata }),
    });
  return await untilDone(connect, log, 'Temporal does not answer yet');
}

/** Runs workers. @returns what stops them; it resolves when all of them have drained */
export function runWorkers(workers: readonly Worker[]): () => Promise<void> {
  const done = Promise.all(workers.map((worker) => worker.run()));
  return async () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await done;
  };
}
