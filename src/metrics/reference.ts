import type { Metric } from 'prom-client';
import * as delivery from './delivery.ts';
import { engine, postgresUp, temporalUp } from './engine.ts';
import * as http from './http.ts';
import './process.ts';
import { registry } from './registry.ts';
import './tracking.ts';

type Known = Metric & {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
};

const namesOf = (metrics: readonly object[]) =>
  new Set((metrics as { name: string }[]).map(({ name }) => name));
const onlyDelivery = namesOf(Object.values(delivery));
const onlyApi = namesOf([...Object.values(engine), postgresUp, temporalUp, http.httpRequestSeconds]);

/** Every metric of Reprise's own as a table, from where it is made. */
export function metricsTable(): string {
  const known = registry.getMetricsAsArray() as unknown as Known[];
  const rows = known
    .filter(({ name }) => name.startsWith('reprise_'))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1))
    .map((metric) => {
      const labels = metric.labelNames.map((label) => `\`${label}\``).join(', ');
      return `| \`${metric.name}\` | ${kindOf(metric)} | ${labels} | ${toldBy(metric)} | ${metric.help} |`;
    });
  return ['| metric | kind | labels | told by | meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

const kindOf = (metric: Known) => metric.constructor.name.toLowerCase();

function toldBy(metric: Known): string {
  if (onlyDelivery.has(metric.name)) return 'delivery';
  const isApi = onlyApi.has(metric.name) || /^reprise_(events|archive|group|tracking)_/.test(metric.name);
  return isApi ? 'API' : 'all';
}
