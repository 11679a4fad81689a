import { statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, resolve } from 'node:path';
import { ConfigError, readConfig, type Config } from '../../config.ts';
import { schemaState, type SchemaState } from '../../db/schema-state.ts';
import { openOrchestrator } from '../../temporal/orchestrator.ts';
import { clock, fail, ok, warn, type Check } from '../check.ts';
import { count } from '../texts.ts';
import { reasonOf } from './reason.ts';

/** The first Node that runs the sources as they are; keep with `engines` in package.json. */
const oldestNode = [22, 19] as const;
const gigabyte = 1_024 ** 3;
/** Below the first Reprise soon stands still, below the second somebody should look. */
const fullBytes = gigabyte;
const lowBytes = 5 * gigabyte;

/** What this machine, its environment and the servers that it names are like. */
export async function localChecks(): Promise<Check[]> {
  const config = configOrNull();
  const disk = await diskSpace(config?.REPRISE_DATA_DIR ?? '.reprise');
  const servers = config === null ? [] : await Promise.all([...postgres(config), ...temporal(config)]);
  return [nodeVersion(), environment(), disk, ...servers.flat(), ...(await ports(config))];
}

function nodeVersion(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  if (isNew) return ok('Node', process.version);
  return fail(
    'Node',
    `${process.version} is too old`,
    `Use Node ${oldestNode.join('.')} or newer; \`npm start\` brings its own.`,
  );
}

function configOrNull(): Config | null {
  try {
    return readConfig();
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

function environment(): Check {
  try {
    readConfig();
    return ok('Environment', 'every variable that is set can be used');
  } catch (error) {
    const [, ...faults] = (error as Error).message.split('\n').map((line) => line.trim());
    return fail(
      'Environment',
      faults.join('; '),
      'Mend these variables, or take them out of the environment.',
    );
  }
}

async function diskSpace(folder: string): Promise<Check> {
  const { bavail, bsize } = await statfs(resolve(folder)).catch(() => statfs(dirname(resolve(folder))));
  const free = bavail * bsize;
  const detail = `${(free / gigabyte).toFixed(1)} GB free for ${folder}`;
  if (free >= lowBytes) return ok('Disk', detail);
  const remedy = 'Make room: when the disk is full, events are refused (503) and deliveries stand still.';
  return free < fullBytes ? fail('Disk', detail, remedy) : warn('Disk', detail, remedy);
}

/** Postgres by its own address, where the environment gives one; that of `npm start` is asked for by the API. */
function postgres({ DATABASE_URL: url }: Config): Promise<Check[]>[] {
  if (url === undefined) return [];
  const look = async () => {
    const state = await schemaState(url);
    return [
      ok('Postgres', `${placeOf(url)} answers`),
      migrations(state),
      clock('Clock of Postgres', state.now),
    ];
  };
  const away = (error: unknown) => [
    fail(
      'Postgres',
      `${placeOf(url)}: ${reasonOf(error)}`,
      'See that it runs and that DATABASE_URL is right: host, port, user, password, database, sslmode.',
    ),
  ];
  return [look().catch(away)];
}

/** Without its password. */
function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return host + pathname;
}

function migrations({ missing, unknown }: SchemaState): Check {
  const name = 'Migrations';
  if (missing.length > 0)
    return fail(
      name,
      `${count(missing.length)} not applied, the first is ${missing[0]}`,
      'Run `reprise migrate`.',
    );
  if (unknown.length > 0)
    return warn(
      name,
      `a newer version has applied ${unknown.join(', ')}`,
      'Run that version, or a newer one.',
    );
  return ok(name, 'all applied');
}

function temporal(config: Config): Promise<Check[]>[] {
  const address = config.TEMPORAL_ADDRESS;
  if (address === undefined) return [];
  const look = async () => {
    const orchestrator = openOrchestrator(config);
    try {
      await orchestrator.check();
      return [ok('Temporal', `${address} answers`)];
    } catch (error) {
      return [
        fail(
          'Temporal',
          `${address}: ${reasonOf(error)}`,
          'See that it runs, and TEMPORAL_ADDRESS, TLS and API key; what comes in meanwhile is kept and delivered later.',
        ),
      ];
    } finally {
      await orchestrator.close();
    }
  };
  return [look()];
}

/** The ports that `npm start` would like to have. */
async function ports(config: Config | null): Promise<Check[]> {
  const wanted: [string, number][] = [
    ['API', config?.PORT ?? 4000],
    ['Temporal UI', config?.TEMPORAL_UI_PORT ?? 8233],
    ['demo destination', 4010],
  ];
  const states = await Promise.all(
    wanted.map(async ([what, port]) => `${port} (${what}) is ${(await isTaken(port)) ? 'in use' : 'free'}`),
  );
  return [ok('Ports', states.join(', '))];
}

async function isTaken(port: number): Promise<boolean> {
  const { promise, resolve: tell } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
  socket
    .once('connect', () => tell(true))
    .once('error', () => tell(false))
    .once('timeout', () => tell(false));
  const taken = await promise;
  socket.destroy();
  return taken;
}
