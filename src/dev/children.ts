import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { environmentWith, type Config } from '../config.ts';
import { Child } from './child.ts';
import type { DataFolder, Secrets } from './data-folder.ts';
import { stopLeftover } from './leftover.ts';
import { freePort } from './ports.ts';
import type { DatabaseAddress, TemporalAddress } from './servers.ts';

/** Where the demo destination is found, unless something else is there. */
const usualDemoPort = 4010;
/** A child that lost its parent ends within 10 s (child-process.ts). */
const leftoverDeadlineMs = 11_000;

/** What every child is told, and where its traces go. */
export interface ChildContext {
  readonly config: Config;
  readonly folder: DataFolder;
  readonly say: (line: string) => void;
}

/** A child with an HTTP door; its port may change when it is started again and another program has taken it. */
export interface ServingChild {
  readonly child: Child;
  /** Where it was told to listen. */
  readonly port: () => number;
}

/** Ends the children that a killed start left behind, while their servers still run. */
export async function stopLeftoverChildren(folder: DataFolder): Promise<void> {
  const notes = readdirSync(folder.in('processes'));
  await Promise.all(
    notes.map((note) => stopLeftover(folder.in('processes', note), 'SIGTERM', leftoverDeadlineMs)),
  );
}

/** Starts the demo destination, which needs nothing but a port. */
export function startDemoDestination(context: ChildContext): ServingChild {
  return servingChild(context, 'demo-destination', '../dev/demo-destination.ts', usualDemoPort, {});
}

/** Starts API and workers on these servers. */
export function startProcesses(
  context: ChildContext,
  servers: { database: DatabaseAddress; temporal: TemporalAddress; secrets: Secrets },
): { api: ServingChild; workers: Child[] } {
  const { config } = context;
  const settings = processSettings(config, servers);
  const dropped = servers.temporal.embedded ? foreignTemporal : undefined;
  const worker = (name: string, entry: string) =>
    startChild(context, name, entry, async () => environmentWith(settings, dropped));
  const delivery = Array.from({ length: config.REPRISE_WORKERS }, (_, index) => `delivery-${index + 1}`);
  return {
    api: servingChild(context, 'api', '../api/main.ts', config.PORT, settings, dropped),
    workers: [
      worker('orchestration', '../workers/orchestration.ts'),
      ...delivery.map((name) => worker(name, '../workers/delivery.ts')),
    ],
  };
}

/** A user's own settings for Temporal (TLS, key, profile) are for other servers than the one started here. */
const foreignTemporal = /^TEMPORAL_/;

/** Under `npm start` destinations on this machine may be sent to; other private addresses stay closed. */
const loopback = '127.0.0.1/32,::1/128';

function processSettings(
  config: Config,
  servers: { database: DatabaseAddress; temporal: TemporalAddress; secrets: Secrets },
): Record<string, string> {
  const { database, temporal, secrets } = servers;
  const egress = config.REPRISE_EGRESS_ALLOW;
  return {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: config.TEMPORAL_NAMESPACE,
    ...(temporal.uiUrl !== null && { TEMPORAL_UI_URL: temporal.uiUrl }),
    ...(temporal.embedded && { TEMPORAL_CONFIG_FILE: '/dev/null' }),
    REPRISE_ADMIN_TOKEN: secrets.adminToken,
    REPRISE_SECRET_KEY: secrets.secretKey,
    REPRISE_EGRESS_ALLOW: egress.length === 0 ? loopback : egress.join(','),
  };
}

function servingChild(
  context: ChildContext,
  name: string,
  entry: string,
  usualPort: number,
  settings: Record<string, string>,
  dropped?: RegExp,
): ServingChild {
  let port = usualPort;
  let starts = 0;
  const environment = async () => {
    const wanted = port;
    port = await freePort(wanted);
    starts += 1;
    if (starts > 1 && port !== wanted) context.say(`${name} moves to port ${port}; ${wanted} is taken`);
    return environmentWith({ ...settings, PORT: String(port) }, dropped);
  };
  return { child: startChild(context, name, entry, environment), port: () => port };
}

function startChild(
  context: ChildContext,
  name: string,
  entry: string,
  environment: () => Promise<NodeJS.ProcessEnv>,
): Child {
  const { config, folder, say } = context;
  return new Child({
    name,
    entry: fileURLToPath(new URL(entry, import.meta.url)),
    environment: async () => ({
      ...(await environment()),
      REPRISE_HOST: config.REPRISE_HOST,
      REPRISE_DATA_DIR: folder.path,
    }),
    logFile: folder.in('logs', `${name}.log`),
    noteFile: folder.in('processes', name),
    say,
  });
}
