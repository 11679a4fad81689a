import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, type RunningPostgres } from '../../src/dev/postgres.ts';
import { postgresAccount } from '../../src/dev/postgres-account.ts';
import { commandAs, postgresUser } from '../../src/dev/postgres-cluster.ts';

/** Where the server lies that belongs to this machine's pg_dump; null: it has none, and the embedded one comes without tools. */
export const dumpableFolder = serverFolder();

function serverFolder(): string | null {
  try {
    const majorOf = (program: string) =>
      /(\d+)\./.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1];
    const folder = execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim();
    return majorOf('pg_dump') === majorOf(join(folder, 'postgres')) ? folder : null;
  } catch {
    return null;
  }
}

/** Starts a Postgres that this machine's pg_dump can dump: it refuses newer ones, such as the embedded one. */
export async function startDumpablePostgres(dataDir: string): Promise<RunningPostgres> {
  const [cluster, passwordFile] = [join(dataDir, 'cluster'), join(dataDir, 'password')];
  mkdirSync(cluster, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  const account = await postgresAccount([cluster]);
  const { uid, gid } = account;
  if (uid !== undefined && gid !== undefined) {
    chmodSync(dataDir, 0o711);
    for (const path of [cluster, passwordFile]) chownSync(path, uid, gid);
  }
  const call = commandAs(account, join(dumpableFolder ?? '', 'initdb'), [
    `--pgdata=${cluster}`,
    `--username=${postgresUser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
  ]);
  execFileSync(call.command, call.args, { cwd: dataDir, stdio: 'ignore', ...call.identity });
  return await startPostgres({ dataDir });
}
