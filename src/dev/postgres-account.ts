import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Who Postgres runs as. */
export interface PostgresAccount {
  /** Set only when this process is root, as which Postgres refuses to run. */
  readonly uid?: number;
  readonly gid?: number;
  /** The command and options that Postgres' own command line has to stand behind; often empty. */
  readonly wrapper: readonly string[];
}

/**
 * The account for a Postgres that must reach `paths`. Root lends it an account of the machine: `postgres`, else `nobody`;
 * none is created. Below a folder that this account may not enter (a clone in root's home, say) it keeps one privilege
 * of root, to pass by file permissions.
 * @throws when the machine has no way to do that.
 */
export async function postgresAccount(paths: readonly string[]): Promise<PostgresAccount> {
  if (process.getuid?.() !== 0) return { wrapper: [] };
  const [uid, gid] = await idsOf('postgres').catch(() => idsOf('nobody'));
  const blocked = paths.map((path) => closedFolder(path, uid, gid)).find((folder) => folder !== null);
  if (blocked === undefined) return { uid, gid, wrapper: [] };
  if (!(await hasSetpriv())) {
    throw new Error(
      `Postgres does not run as root, and no other user may enter ${blocked}. ` +
        'Move this folder elsewhere, start as another user, or name a server of your own by DATABASE_URL.',
    );
  }
  return { uid, gid, wrapper: setpriv(uid, gid) };
}

async function idsOf(user: string): Promise<[uid: number, gid: number]> {
  const [uid, gid] = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]);
  return [Number(uid.stdout), Number(gid.stdout)];
}

/** The first folder above `path` that the account may not enter, null when all are open to it. */
function closedFolder(path: string, uid: number, gid: number): string | null {
  const folder = dirname(path);
  if (folder === path) return null;
  const above = closedFolder(folder, uid, gid);
  if (above !== null) return above;
  const { mode, uid: owner, gid: group } = statSync(folder);
  const enter = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
  return (mode & enter) === 0 ? folder : null;
}

async function hasSetpriv(): Promise<boolean> {
  return run('setpriv', ['--version']).then(
    () => true,
    () => false,
  );
}

// Postgres asks access(2) as well, for which the kernel drops the privilege of another uid unless told not to.
function setpriv(uid: number, gid: number): string[] {
  const identity = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return [
    'setpriv',
    ...identity,
    '--securebits=+no_setuid_fixup',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
    '--',
  ];
}
