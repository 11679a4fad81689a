import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../../scripts/file-lock.mjs';
import { environmentWith, readConfig } from '../../src/config.ts';

const run = promisify(execFile);
/** A build takes minutes on two processors; a busy machine takes longer. */
const buildDeadlineMs = 3_000_000;

/** A Temporal server for a cluster, and the tool that makes its schema. */
export interface ServerBuild {
  readonly server: string;
  readonly sqlTool: string;
}

/** A server that was built before, or the reason why there is none as a text: a build is too long for every test run. */
export function builtServer(version: string): ServerBuild | string {
  const { place, build } = placeOf(version);
  return existsSync(place)
    ? build
    : 'no server is built here; `npm run topology` builds one and runs this on it';
}

function placeOf(version: string) {
  const cache = join(readConfig().XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'reprise');
  const place = join(cache, `temporal-server-${version}`);
  return { cache, place, build: { server: join(place, 'server'), sqlTool: join(place, 'sql') } };
}

/**
 * Builds a version of Temporal's server from its Go modules, once for all clones of this user.
 * @returns the reason as a text where that cannot be done here
 */
export async function buildServer(version: string): Promise<ServerBuild | string> {
  const { cache, place, build } = placeOf(version);
  if (existsSync(place)) return build;
  const hasGo = await run('go', ['version']).then(
    () => true,
    () => false,
  );
  if (!hasGo) return 'there is no Go to build the Temporal server with';
  mkdirSync(cache, { recursive: true });
  return await withLock(`${place}.lock`, async () => {
    if (existsSync(place)) return build;
    console.log(`Building the Temporal server ${version} from source, once; this takes minutes`);
    const making = mkdtempSync(`${place}.making-`);
    try {
      const programs = ['cmd/server', 'cmd/tools/sql'].map(
        (path) => `go.temporal.io/server/${path}@v${version}`,
      );
      const env = environmentWith({ GOBIN: making });
      const options = { env, timeout: buildDeadlineMs, maxBuffer: 64 * 1024 * 1024 };
      for (const program of programs) {
        await run('go', ['install', '-trimpath', '-ldflags', '-s -w', program], options);
      }
      renameSync(making, place); // whole or not at all
      return build;
    } catch (error) {
      const { stderr = '', message } = error as Error & { stderr?: string };
      return `the Temporal server cannot be built: ${stderr.trim().split('\n').at(-1) || message}`;
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  });
}
