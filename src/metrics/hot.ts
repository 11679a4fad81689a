import { Counter, Gauge, Histogram } from 'prom-client';
import { registry } from './registry.ts';

interface Named<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly L[];
}

const keyOf = (values: readonly string[]) => (values.length === 1 ? values[0]! : values.join('\0'));
const labelled = <L extends string>(names: readonly L[], key: string) => {
  const values = key.split('\0');
  return Object.fromEntries(names.map((name, at) => [name, values[at] ?? ''])) as Record<L, string>;
};

/** A counter for what happens thousands of times a second: adding is a look into a map, labels are made at a scrape. */
export class HotCounter<L extends string> {
  readonly #counts = new Map<string, number>();
  readonly name: string;

  constructor(config: Named<L>) {
    const counts = this.#counts;
    this.name = config.name;
    const metric = new Counter({
      ...config,
      registers: [],
      collect() {
        for (const [key, count] of counts) this.inc(labelled(config.labelNames, key), count);
        counts.clear();
      },
    });
    registry.registerMetric(metric);
  }

  /** @param values of the labels, in their order */
  add(count: number, ...values: readonly string[]): void {
    const key = keyOf(values);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }
}

/** The same for a number that rises and falls. */
export class HotGauge<L extends string> {
  readonly #values = new Map<string, number>();
  readonly name: string;

  constructor(config: Named<L>) {
    const values = this.#values;
    this.name = config.name;
    const metric = new Gauge({
      ...config,
      registers: [],
      collect() {
        for (const [key, value] of values) this.set(labelled(config.labelNames, key), value);
      },
    });
    registry.registerMetric(metric);
  }

  add(count: number, ...values: readonly string[]): void {
    const key = keyOf(values);
    this.#values.set(key, (this.#values.get(key) ?? 0) + count);
  }
}

interface Cells {
  readonly counts: number[];
  sum: number;
}

/** The same for a distribution. */
export class HotHistogram<L extends string> {
  readonly #cells = new Map<string, Cells>();
  readonly #buckets: readonly number[];
  readonly name: string;

  constructor(config: Named<L> & { readonly buckets: readonly number[] }) {
    this.name = config.name;
    this.#buckets = config.buckets;
    const cells = this.#cells;
    const metric = new Histogram({ ...config, buckets: [...config.buckets], registers: [registry] });
    // What the registry asks a metric for, by either name.
    const get = () => Promise.resolve(toldOf(config, cells));
    Object.assign(metric, { get, getForPromString: get });
  }

  /** @param values of the labels, in their order */
  observe(value: number, ...values: readonly string[]): void {
    const key = keyOf(values);
    let cells = this.#cells.get(key);
    if (cells === undefined) {
      cells = { counts: Array.from({ length: this.#buckets.length + 1 }, () => 0), sum: 0 };
      this.#cells.set(key, cells);
    }
    let at = 0;
    while (at < this.#buckets.length && value > this.#buckets[at]!) at += 1;
    cells.counts[at]! += 1;
    cells.sum += value;
  }
}

/** As prom-client's own histogram tells itself: buckets that add up, then the sum and the count. */
function toldOf<L extends string>(
  { name, help, labelNames, buckets }: Named<L> & { readonly buckets: readonly number[] },
  all: ReadonlyMap<string, Cells>,
) {
  const values = [...all].flatMap(([key, { counts, sum }]) => {
    const labels = labelled(labelNames, key);
    let count = 0;
    const rising = counts.map((own, at) => {
      count += own;
      return { labels: { le: buckets[at] ?? '+Inf', ...labels }, value: count, metricName: `${name}_bucket` };
    });
    const totals = [
      { labels, value: sum, metricName: `${name}_sum` },
      { labels, value: count, metricName: `${name}_count` },
    ];
    return [...rising, ...totals];
  });
  return { name, help, type: 'histogram', values, aggregator: 'sum' };
}
