import { describeProcess, type Pool } from './process.ts';
import { serveMetrics, type MetricsServer } from './server.ts';

/** How many ports above the one that was asked for are tried: processes on one machine may be told the same. */
const triedAbove = 32;

/**
 * Tells what a process is, and serves its metrics where it was told to.
 * @param options.port the first one that is free from there on; 0: any free one; undefined: it serves none
 */
export async function openMetrics(options: {
  readonly role: string;
  readonly version: string;
  readonly pools: Readonly<Record<string, Pool>>;
  readonly host: string;
  readonly port: number | undefined;
}): Promise<MetricsServer | null> {
  describeProcess({ role: options.role, version: options.version }, options.pools);
  const { host, port } = options;
  if (port === undefined) return null;
  for (let tried = port; ; tried += 1) {
    try {
      return await serveMetrics({ host, port: tried });
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || tried >= Math.min(65_535, port + triedAbove)) throw error;
    }
  }
}
