import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { postgresAccount, type PostgresAccount } from './postgres-account.ts';
import { keptSecret } from './kept-secret.ts';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts';

const run = promisify(execFile);

/** The superuser of a cluster of ours, and its database. */
export const postgresUser = 'reprise';

/** Data on disk that a Postgres can be started on. */
export interface PostgresCluster {
  /** Postgres' own data directory. */
  readonly folder: string;
  readonly binaries: PostgresBinaries;
  readonly account: PostgresAccount;
  readonly password: string;
}

/** Opens the cluster in `dataDir`, and makes it first when there is none. */
export async function openCluster(dataDir: string): Promise<PostgresCluster> {
  mkdirSync(dataDir, { recursive: true });
  const folder = join(dataDir, 'cluster');
  const binaries = await findPostgres(majorOf(folder));
  const account = await postgresAccount([binaries.postgres, folder]);
  const password = keptSecret(join(dataDir, 'password'), () => randomBytes(24).toString('base64url'));
  const cluster = { folder, binaries, account, password };
  if (majorOf(folder) === null) await createCluster(dataDir, cluster);
  return cluster;
}

/** How to call one of Postgres' programs as its account. */
export function commandAs(account: PostgresAccount, program: string, args: readonly string[]) {
  const [command, ...rest] = [...account.wrapper, program, ...args];
  const lent = account.wrapper.length > 0 || account.uid === undefined || account.gid === undefined;
  return {
    command: command ?? program,
    args: rest,
    identity: lent ? {} : { uid: account.uid, gid: account.gid },
  };
}

/** Made beside its place and then moved there, so that a start that is killed half-way leaves no half cluster. */
async function createCluster(dataDir: string, cluster: PostgresCluster): Promise<void> {
  const draft = join(dataDir, 'cluster.new');
  const passwordFile = join(dataDir, 'password.initdb');
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, `${cluster.password}\n`, { mode: 0o600 });
  const { uid, gid } = cluster.account;
  if (uid !== undefined && gid !== undefined) {
    chmodSync(dataDir, 0o711);
    for (const path of [draft, passwordFile]) chownSync(path, uid, gid);
  }
  try {
    const call = commandAs(cluster.account, cluster.binaries.initdb, [
      `--pgdata=${draft}`,
      `--username=${postgresUser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      ...localeOptions(cluster.binaries.major),
    ]);
    await run(call.command, call.args, { cwd: dataDir, ...call.identity });
    renameSync(draft, cluster.folder);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

// Code point order on every machine; from 17 on Postgres knows Unicode's letters by itself, without the system's locales.
function localeOptions(major: number): string[] {
  if (major < 17) return ['--locale=C'];
  return ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
}

function majorOf(folder: string): number | null {
  const file = join(folder, 'PG_VERSION');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : null;
}
