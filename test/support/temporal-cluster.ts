import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { environmentWith, readConfig } from '../../src/config.ts';
import { freePort } from '../../src/dev/ports.ts';
import { obtainTemporalCli } from '../../src/dev/temporal-cli/obtain.ts';
import type { ServerBuild } from './temporal-server-build.ts';
import { until } from './until.ts';

const run = promisify(execFile);
const deploy = fileURLToPath(new URL('../../deploy/temporal/', import.meta.url));
/** The doors of its four services, and those by which they find each other. */
const doors = ['FRONTEND', 'HISTORY', 'MATCHING', 'WORKER'].flatMap((name) => [
  `${name}_GRPC_PORT`,
  `${name}_MEMBERSHIP_PORT`,
]);
const stopDeadlineMs = 15_000;
/** Its store keeps these ports as numbers of 16 bits with a sign; each door looks for a free one in a range of its own. */
const firstPort = 21_000;
const portsEach = 60;

/** The services of docker-compose.yml, as far as a process is told something. */
export const composed = (
  parse(readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8'), { merge: true }) as {
    services: Record<string, { image: string; environment: Record<string, string> }>;
  }
).services;

/** A Temporal server whose store is Postgres. */
export interface TemporalCluster {
  readonly address: string;
  stop(): Promise<void>;
}

/**
 * Starts the server as docker-compose.yml does: its schema and its namespace by the scripts of the two jobs, its settings
 * those of the service, with the addresses of this machine.
 */
export async function startCluster(
  build: ServerBuild,
  postgresUrl: string,
  folder: string,
): Promise<TemporalCluster> {
  const { hostname, port, username, password } = new URL(postgresUrl);
  const cli = await obtainTemporalCli({
    named: readConfig().TEMPORAL_CLI,
    cacheHome: readConfig().XDG_CACHE_HOME,
    say: () => undefined,
  });
  const which = await run('sh', ['-c', `command -v ${cli.command}`]);
  symlinkSync(which.stdout.trim(), join(folder, 'temporal'));
  symlinkSync(build.sqlTool, join(folder, 'temporal-sql-tool'));
  const job = async (script: string, service: string, settings: Record<string, string>) => {
    const env = { ...composed[service]?.environment, ...settings, PATH: `${folder}:${process.env['PATH']}` };
    await run('sh', [join(deploy, script)], { env: environmentWith(env, /^TEMPORAL_/) });
  };
  const sql = { SQL_HOST: hostname, SQL_PORT: port, SQL_USER: username, SQL_PASSWORD: password };
  for (let times = 0; times < 2; times++) await job('schema.sh', 'temporal-schema', sql);

  const ports = Object.fromEntries(
    await Promise.all(
      doors.map(
        async (door, index) => [door, String(await freePort(firstPort + index * portsEach))] as const,
      ),
    ),
  );
  const address = `127.0.0.1:${ports['FRONTEND_GRPC_PORT']}`;
  const log = openSync(join(folder, 'temporal-server.log'), 'a');
  const server = spawn(build.server, ['--allow-no-auth', 'start'], {
    cwd: folder,
    stdio: ['ignore', log, log],
    env: environmentWith({
      ...composed['temporal']?.environment,
      ...ports,
      FRONTEND_HTTP_PORT: String(await freePort()),
      POSTGRES_SEEDS: hostname,
      DB_PORT: port,
      POSTGRES_USER: username,
      POSTGRES_PWD: password,
      BIND_ON_IP: '127.0.0.1',
      DYNAMIC_CONFIG_FILE_PATH: join(deploy, 'dynamic-config.yaml'),
      LOG_LEVEL: 'warn',
    }),
  });
  closeSync(log);
  const exited = once(server, 'exit');
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill); // a test run that ends early leaves no server behind
  const isUp = async (): Promise<boolean> => {
    if (server.exitCode !== null) throw new Error(readFileSync(join(folder, 'temporal-server.log'), 'utf8'));
    const asked = job('namespace.sh', 'temporal-namespace', { TEMPORAL_ADDRESS: address });
    return await asked.then(
      () => true,
      () => false,
    );
  };
  await until('the Temporal server has its namespace', isUp, Boolean, { everyMs: 500 });
  return {
    address,
    stop: async () => {
      process.off('exit', kill);
      server.kill('SIGTERM');
      const cut = setTimeout(kill, stopDeadlineMs);
      await exited;
      clearTimeout(cut);
    },
  };
}
