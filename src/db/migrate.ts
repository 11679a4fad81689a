import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';

/** Brings a database to the newest schema. Safe to run from several processes at once: an advisory lock makes them wait. */
export async function migrate(
  databaseUrl: string,
  log: (line: string) => void = () => undefined,
): Promise<void> {
  await runner({
    databaseUrl,
    dir: fileURLToPath(new URL('../../migrations', import.meta.url)),
    migrationsTable: 'migration',
    direction: 'up',
    checkOrder: true,
    verbose: false,
    advisoryLockMode: 'wait',
    log,
  });
}
