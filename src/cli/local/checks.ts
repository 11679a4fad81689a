import { statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, resolve } from 'node:path';
import { ConfigError, readConfig, type Config } from '../../config.ts';
import { fail, ok, warn, type Check } from '../check.ts';
import { postgres, temporal } from './servers.ts';

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
  const servers = config === null ? [] : await Promise.all([postgres(config), temporal(config)]);
  return [nodeVersion(), environment(), ...egress(config), disk, ...servers.flat(), ...(await ports(config))];
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

/** Where deliveries of processes with this environment may go: what runs elsewhere, or already, has another one. */
function egress(config: Config | null): Check[] {
  if (config === null) return [];
  const allowed = config.REPRISE_EGRESS_ALLOW;
  const where = allowed.length === 0 ? 'public addresses only' : `public addresses and ${allowed.join(', ')}`;
  const detail = `what is started with the environment of this shell sends to ${where}; what runs already goes by its own REPRISE_EGRESS_ALLOW`;
  const all = allowed.some((one) => one.endsWith('/0'));
  if (!all) return [ok('Egress', detail)];
  const remedy =
    'Whoever may connect a destination reaches every service in this network: name single addresses.';
  return [warn('Egress', detail, remedy)];
}

async function diskSpace(folder: string): Promise<Check> {
  const { bavail, bsize } = await spaceAt(resolve(folder));
  const free = bavail * bsize;
  const detail = `${(free / gigabyte).toFixed(1)} GB free for ${folder}`;
  if (free >= lowBytes) return ok('Disk', detail);
  const remedy = 'Make room: when the disk is full, events are refused (503) and deliveries stand still.';
  return free < fullBytes ? fail('Disk', detail, remedy) : warn('Disk', detail, remedy);
}

/** Of a folder that is still to be made: where it would be. */
async function spaceAt(folder: string): Promise<{ bavail: number; bsize: number }> {
  const above = dirname(folder);
  return await statfs(folder).catch((error: unknown) => {
    if (above === folder) throw error;
    return spaceAt(above);
  });
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
