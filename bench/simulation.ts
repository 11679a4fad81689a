// Lanes on virtual time under faults, many histories of them, on all processors.
//   npm run simulate -- [seeds] [first seed]
// Ctrl-C ends it with what has been lived so far; the rest can be lived from the next seed on.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { liveInThreads } from '../test/support/simulation/seeds.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const from = Number(process.argv[3] ?? 1);
const failuresWanted = 20;

const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
const commit = git('rev-parse', 'HEAD');
const changed = git('status', '--porcelain', '--', 'src/core', 'test/support') !== '';
const begunAt = performance.now();
const seconds = () => (performance.now() - begunAt) / 1_000;
let toldAt = 0;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const { total, failures, lived } = await liveInThreads(
  { from, count },
  {
    failuresWanted,
    stop: stop.signal,
    onLot: (done) => {
      if (seconds() - toldAt < 5 && done < count) return;
      toldAt = seconds();
      const left = (toldAt / done) * (count - done);
      process.stderr.write(`${done} of ${count} seeds, ${toldAt.toFixed(0)} s, ${left.toFixed(0)} s left\n`);
    },
  },
);
const report = {
  command: `npm run simulate -- ${count} ${from}`,
  machine: `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}`,
  commit: changed ? `${commit}, with changes` : commit,
  seeds: { from, count: lived },
  seconds: Math.round(seconds()),
  seen: total,
  failures,
};
await writeFile(new URL('results/simulation.json', import.meta.url), `${JSON.stringify(report, null, 2)}\n`);
for (const failure of failures) process.stderr.write(`${failure.report}\n\n`);
process.stdout.write(`${lived} seeds from ${from}: ${failures.length} failures\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
