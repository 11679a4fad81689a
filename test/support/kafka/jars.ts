import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withLock } from '../../../scripts/file-lock.mjs';
import { readConfig } from '../../../src/config.ts';

const run = promisify(execFile);
const pom = fileURLToPath(new URL('pom.xml', import.meta.url));
const copying = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies';
/** Of 45 MB, which take half a minute; a second try goes on with what the first has brought. */
const fetchDeadlineMs = 300_000;
const tries = 3;

/** A folder with the jars of Apache Kafka, or why there is none. */
export type KafkaJars = { readonly folder: string } | { readonly missing: string };

/** Has Maven fetch Apache Kafka and what it needs, once for all clones of this user. Never rejects. */
export async function kafkaJars(): Promise<KafkaJars> {
  const cache = join(readConfig().XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'reprise');
  const version = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12);
  const folder = join(cache, `kafka-${version}`);
  if (!(await isThere('java', '-version'))) return { missing: 'there is no Java to run Apache Kafka with' };
  if (existsSync(folder)) return { folder };
  if (!(await isThere('mvn', '-version'))) return { missing: 'there is no Maven to fetch Apache Kafka with' };
  mkdirSync(cache, { recursive: true });
  return await withLock(`${folder}.lock`, async () =>
    existsSync(folder) ? { folder } : await fetched(folder),
  );
}

async function isThere(program: string, asked: string): Promise<boolean> {
  return await run(program, [asked]).then(
    () => true,
    () => false,
  );
}

async function fetched(folder: string): Promise<KafkaJars> {
  console.log('Fetching Apache Kafka, once; this takes half a minute');
  const making = mkdtempSync(`${folder}.making-`);
  const args = ['-q', '-B', '-C', '-f', pom, copying, `-DoutputDirectory=${making}`];
  let problem = '';
  try {
    for (let tried = 0; tried < tries; tried++) {
      try {
        await run('mvn', args, { timeout: fetchDeadlineMs });
        renameSync(making, folder); // whole or not at all
        return { folder };
      } catch (error) {
        const { stdout = '', message } = error as Error & { readonly stdout?: string };
        problem = /\[ERROR\].*/.exec(stdout)?.[0] ?? message;
      }
    }
    return { missing: `Apache Kafka cannot be fetched: ${problem}` };
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}
