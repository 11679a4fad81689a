// `node bench/catalog-memory.ts`: what loaded definitions of the catalog take of a process' memory, each count in a
// process of its own that loads nothing else.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '../src/destinations/catalog/load.ts';
import { packageVersion } from '../src/destinations/catalog/package.ts';
import { catalogSummaries } from '../src/destinations/catalog/read.ts';

interface Measured {
  readonly definitions: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly loadMs: number;
}

/** Three that people use, from a small one to one that brings a client of its own. */
const three = ['actions-mixpanel', 'actions-slack', 'actions-aws-kinesis'];
const counts = [0, 3, 50, 214];
const megabyte = 1_048_576;

const asked = process.argv[2];
if (asked === undefined) report();
else process.stdout.write(JSON.stringify(measure(Number(asked))));

function report(): void {
  const file = fileURLToPath(import.meta.url);
  const results = counts.map((count) => {
    const output = execFileSync(process.execPath, ['--expose-gc', file, String(count)], { encoding: 'utf8' });
    return JSON.parse(output) as Measured;
  });
  for (const { definitions, rssMb, heapMb, loadMs } of results) {
    console.log(`${definitions} definitions: RSS ${rssMb} MB, heap ${heapMb} MB, loaded in ${loadMs} ms`);
  }
  const summary = {
    command: 'node bench/catalog-memory.ts',
    package: `@segment/action-destinations ${packageVersion()}`,
    node: process.version,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    three,
    results,
  };
  const path = new URL('results/catalog-memory.json', import.meta.url);
  writeFileSync(path, `${JSON.stringify(summary, null, 2)}\n`);
}

function measure(count: number): Measured {
  const all = catalogSummaries()
    .filter(({ folder }) => folder !== null)
    .map(({ type }) => type);
  // Spread over the catalog, with the three among them, so that fifty are not the first fifty of the alphabet.
  const step = all.length / Math.max(1, count - three.length);
  const spread = Array.from(
    { length: Math.max(0, count - three.length) },
    (_, index) => all[Math.floor(index * step)]!,
  );
  const types = count === 0 ? [] : [...new Set([...three, ...spread, ...all])].slice(0, count);
  const start = performance.now();
  for (const type of types)
    if (loadPackageDefinition(type) === null) throw new Error(`no definition ${type}`);
  const loadMs = Math.round(performance.now() - start);
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    definitions: types.length,
    rssMb: Math.round(rss / megabyte),
    heapMb: Math.round(heapUsed / megabyte),
    loadMs,
  };
}
