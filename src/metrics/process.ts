import { collectDefaultMetrics, Gauge } from 'prom-client';
import { registry } from './registry.ts';

const registers = [registry];
const buildInfo = new Gauge({
  name: 'reprise_build_info',
  help: 'Always 1: version, role (api, delivery, orchestration) and Node of this process.',
  labelNames: ['version', 'role', 'node'],
  registers,
});

/** A pool of connections, as pg has it. */
export interface Pool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: { readonly max: number };
}

const pools = new Map<string, Pool>();
/** What each pool says, asked at each scrape. */
const poolGauge = <L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  tell: (gauge: Gauge<L | 'pool'>, pool: string, of: Pool) => void,
) =>
  new Gauge<L | 'pool'>({
    name,
    help,
    labelNames: ['pool', ...labelNames],
    registers,
    collect() {
      for (const [pool, of] of pools) tell(this, pool, of);
    },
  });
poolGauge(
  'reprise_postgres_pool_connections',
  'Connections to Postgres, by pool and state (used, idle).',
  ['state'],
  (gauge, pool, { totalCount, idleCount }) => {
    gauge.set({ pool, state: 'used' }, totalCount - idleCount);
    gauge.set({ pool, state: 'idle' }, idleCount);
  },
);
poolGauge(
  'reprise_postgres_pool_max_connections',
  'How many connections a pool may have.',
  [],
  (gauge, pool, { options }) => gauge.set({ pool }, options.max),
);
poolGauge(
  'reprise_postgres_pool_waiting',
  'Statements and transactions that wait for a connection of a pool.',
  [],
  (gauge, pool, { waitingCount }) => gauge.set({ pool }, waitingCount),
);

let described = false;

/** Tells what this process is, and from now on how it does: time, memory, event loop, collected garbage, pools. */
export function describeProcess(
  facts: { readonly role: string; readonly version: string },
  used: Readonly<Record<string, Pool>>,
): void {
  for (const [name, pool] of Object.entries(used)) pools.set(name, pool);
  if (described) return;
  described = true;
  buildInfo.set({ ...facts, node: process.versions.node }, 1);
  collectDefaultMetrics({ register: registry });
}
