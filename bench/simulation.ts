// Lanes on virtual time under faults, many histories of them, on all processors.
//   npm run simulate -- [seeds] [first seed]
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

const { total, failures } = await liveInThreads(
  { from, count },
  {
    failuresWanted,
    onLot: (lived) => {
      if (seconds() - toldAt < 5 && lived < count) return;
      toldAt = seconds();
      const left = (toldAt / lived) * (count - lived);
      process.stderr.write(`${lived} of ${count} seeds, ${toldAt.toFixed(0)} s, ${left.toFixed(0)} s left\n`);
    },
  },
);
const report = {
  command: `npm run simulate -- ${count} ${from}`,
  machine: `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}`,
  commit: changed ? `${commit}, with changes` : commit,
  seeds: { from, count },
  seconds: Math.round(seconds()),
  seen: total,
  failures,
};
await writeFile(new URL('results/simulation.json', import.meta.url), `${JSON.stringify(report, null, 2)}\n`);
for (const failure of failures) process.stderr.write(`${failure.report}\n\n`);
process.stdout.write(`${count} seeds from ${from}: ${failures.length} failures\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
