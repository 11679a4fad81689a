import { setTimeout as pause } from 'node:timers/promises';
import { NativeConnection, Runtime, type LogMetadata, type Worker } from '@temporalio/worker';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { temporalSettings } from '../temporal/connection.ts';

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** Makes the SDK log into the process's own log, and leaves signals to the process. Once, before anything of Temporal. */
export function installRuntime(log: Logger): void {
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
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  });
}

/** Connects, waiting for a server that is not there yet. */
export async function connectWorker(config: Config, log: Logger): Promise<NativeConnection> {
  const { connection } = temporalSettings(config);
  const { address, tls, apiKey, metadata } = connection;
  for (let waitMs = 200; ; waitMs = Math.min(2_000, waitMs * 2)) {
    try {
      return await NativeConnection.connect({
        ...(address !== undefined && { address }),
        ...(tls !== undefined && { tls }),
        ...(typeof apiKey === 'string' && { apiKey }),
        ...(metadata !== undefined && { metadata }),
      });
    } catch (error) {
      log.warn({ err: error, retryInMs: waitMs }, 'Temporal does not answer yet');
      await pause(waitMs);
    }
  }
}

/** Runs workers until `stop` is called; resolves when all of them have drained. */
export function runWorkers(workers: readonly Worker[]): { done: Promise<void>; stop: () => Promise<void> } {
  const done = Promise.all(workers.map((worker) => worker.run())).then(() => undefined);
  const stop = async () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await done;
  };
  return { done, stop };
}
