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
import { startTlsFront } from './tls-front.ts';
import { until } from './until.ts';

const run = promisify(execFile);
const deploy = fileURLToPath(new URL('../../deploy/temporal/', import.meta.url));
/** The doors of its services, of which the last is for itself where the first asks for keys, and those by which they find each other. */
const doors = ['FRONTEND', 'HISTORY', 'MATCHING', 'WORKER', 'INTERNAL_FRONTEND'].flatMap((name) => [
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
  /** Runs Temporal's own command line against it, as whoever may do anything. */
  temporal(...args: string[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** A server that asks for API keys, behind TLS (the certificate is `server.pem`): JSON Web Tokens, by its own default authorizer. */
export interface KeyedAccess {
  /** Where the public keys are, as a JSON Web Key Set. */
  readonly keysUrl: string;
  /** One that may do anything. */
  readonly adminKey: string;
}

/**
 * Starts the server as docker-compose.yml does: its schema and its namespace by the scripts of the two jobs, its settings
 * those of the service, with the addresses of this machine.
 */
export async function startCluster(
  build: ServerBuild,
  postgresUrl: string,
  folder: string,
  access?: KeyedAccess,
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
  const door = Number(ports['FRONTEND_GRPC_PORT']);
  const front =
    access === undefined ? null : await startTlsFront(door, folder, { asksForCertificate: false });
  const address = `127.0.0.1:${front?.port ?? door}`;
  const asAdmin = {
    TEMPORAL_ADDRESS: address,
    ...(access !== undefined && {
      TEMPORAL_API_KEY: access.adminKey,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder, 'server.pem'),
    }),
  };
  const log = openSync(join(folder, 'temporal-server.log'), 'a');
  const server = spawn(build.server, access === undefined ? ['--allow-no-auth', 'start'] : ['start'], {
    cwd: folder,
    stdio: ['ignore', log, log],
    env: environmentWith({
      ...composed['temporal']?.environment,
      ...ports,
      FRONTEND_HTTP_PORT: String(await freePort()),
      INTERNAL_FRONTEND_HTTP_PORT: String(await freePort()),
      POSTGRES_SEEDS: hostname,
      DB_PORT: port,
      POSTGRES_USER: username,
      POSTGRES_PWD: password,
      BIND_ON_IP: '127.0.0.1',
      DYNAMIC_CONFIG_FILE_PATH: join(deploy, 'dynamic-config.yaml'),
      LOG_LEVEL: 'warn',
      ...(access !== undefined && settingsOf(access)),
    }),
  });
  closeSync(log);
  const exited = once(server, 'exit');
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill); // a test run that ends early leaves no server behind
  const isUp = async (): Promise<boolean> => {
    if (server.exitCode !== null) throw new Error(readFileSync(join(folder, 'temporal-server.log'), 'utf8'));
    const asked = job('namespace.sh', 'temporal-namespace', asAdmin);
    return await asked.then(
      () => true,
      () => false,
    );
  };
  await until('the Temporal server has its namespace', isUp, Boolean, { everyMs: 500 });
  return {
    address,
    temporal: (...args) => run(cli.command, args, { env: environmentWith(asAdmin, /^TEMPORAL_/) }),
    stop: async () => {
      front?.close();
      process.off('exit', kill);
      server.kill('SIGTERM');
      const cut = setTimeout(kill, stopDeadlineMs);
      await exited;
      clearTimeout(cut);
    },
  };
}

const settingsOf = ({ keysUrl }: KeyedAccess) => ({
  TEMPORAL_AUTH_AUTHORIZER: 'default',
  TEMPORAL_AUTH_CLAIM_MAPPER: 'default',
  TEMPORAL_JWT_KEY_SOURCE1: keysUrl,
  USE_INTERNAL_FRONTEND: 'true',
  TEMPORAL_SERVICES: 'frontend,internal-frontend,history,matching,worker',
});
