import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import pg from 'pg';
import { migrate } from '../../src/db/migrate.ts';
import type { OwnPostgres } from './own-postgres.ts';

/** A real file system with little room, which a test may fill. */
export interface SmallDisk {
  /** Where it is. */
  readonly folder: string;
  /** Takes all the room that there is. */
  fill(): Promise<void>;
  /** Gives the room back. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

const namespace = ['--user', '--map-root-user', '--mount'];

/** Whether this machine lets anybody mount something for himself. */
export function canMount(): boolean {
  try {
    execFileSync('unshare', [...namespace, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Mounts it, says so, does what it is told, and ends with its input, also when this test run is killed. */
const script = `mount -t tmpfs -o "size=$2m,mode=0700" small "$1" && echo mounted
while read -r command; do
  case $command in
    fill) dd if=/dev/zero "of=$1/filler" bs=4k 2>/dev/null; echo full ;;
    clear) rm "$1/filler"; echo clear ;;
  esac
done`;

/**
 * Makes one in memory for the owner of a folder. It is mounted in a namespace of a child of ours, so that it takes no
 * privilege and nothing is left behind; its owner's other processes reach it through that child's root.
 * @param place an empty folder is made here to mount it on
 */
export async function openSmallDisk(place: string, owner: string, megabytes: number): Promise<SmallDisk> {
  mkdirSync(place);
  const { uid, gid } = statSync(owner);
  const holder = spawn('unshare', [...namespace, 'sh', '-c', script, 'sh', place, String(megabytes)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(process.getuid?.() === uid ? {} : { uid, gid }),
  });
  const exited = once(holder, 'exit');
  const says = async (word: string) => {
    const said = await Promise.race([once(holder.stdout, 'data'), exited.then(() => ['nothing'])]);
    if (String(said[0]).trim() !== word) throw new Error(`the small disk should be ${word}, but: ${said[0]}`);
  };
  const tell = async (command: string, word: string) => {
    holder.stdin.write(`${command}\n`);
    await says(word);
  };
  await says('mounted');
  return {
    folder: `/proc/${holder.pid}/root${place}`,
    fill: () => tell('fill', 'full'),
    clear: () => tell('clear', 'clear'),
    close: async () => {
      holder.stdin.end();
      await exited;
    },
  };
}

/** A migrated database of a Postgres, all of whose tables lie on a small disk. */
export async function databaseOn(
  postgres: OwnPostgres,
  { folder }: SmallDisk,
): Promise<{ readonly url: string; drop(): Promise<void> }> {
  await tell(postgres, `create tablespace small location '${folder}'`);
  await tell(postgres, 'create database small tablespace small');
  const url = new URL(postgres.url());
  url.pathname = '/small';
  await migrate(url.href);
  return { url: url.href, drop: () => tell(postgres, 'drop database small with (force)') };
}

async function tell(postgres: OwnPostgres, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url() });
  await client.connect();
  await client.query(statement);
  await client.end();
}
