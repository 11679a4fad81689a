import { pino, type Logger } from 'pino';
import type { Config } from './config.ts';

export type { Logger };

/** The log of a process: JSON lines on stdout, times in RFC 3339, nothing that authorizes. */
export function createLogger(config: Pick<Config, 'REPRISE_LOG_LEVEL'>, process: string): Logger {
  return pino({
    level: config.REPRISE_LOG_LEVEL,
    base: { process },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['req.headers.authorization', 'req.headers.cookie', 'headers.authorization'],
    serializers: { err: errorForLog },
  });
}

/** An error as a log shows it: without the row values that Postgres puts into its details. */
export function errorForLog(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(code !== undefined && { code }),
  };
}
