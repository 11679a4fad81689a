// `npm run check`: what must hold before a commit, in the order of what to mend first. Several at once, as many as there
// are processors. With --static all but the unit tests, which `npm test` runs by itself.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProgress } from './progress.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const checks = [
  {
    name: 'types',
    command: join(root, 'node_modules/@typescript/native/bin/tsc'),
    args: ['-p', 'tsconfig.json'],
  },
  {
    name: 'types of examples',
    command: join(root, 'node_modules/@typescript/native/bin/tsc'),
    args: ['-p', 'examples'],
  },
  { name: 'lint', command: bin('oxlint'), args: ['--type-aware'] },
  { name: 'format', command: bin('prettier'), args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'imports', command: bin('depcruise'), args: ['src', 'test', 'scripts'] },
  { name: 'unused code', command: bin('knip'), args: [] },
  { name: 'licences', command: process.execPath, args: [join(root, 'scripts/licenses.mjs'), '--check'] },
  {
    name: 'pages of destinations',
    command: existsSync(bin('node')) ? bin('node') : process.execPath,
    args: [join(root, 'src/destinations/catalog/write-docs.ts'), '--check'],
  },
  { name: 'unit tests', command: bin('vitest'), args: ['run', '--project', 'unit'] },
];

const progress = createProgress();
const chosen = process.argv.includes('--static')
  ? checks.filter(({ name }) => name !== 'unit tests')
  : checks;
const waiting = [...chosen];
const failed = [];
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));

for (const { name, output } of failed) console.log(`\n--- ${name} ---\n${output.trim()}`);
console.log(
  failed.length === 0
    ? `\nAll ${chosen.length} checks passed`
    : `\n${failed.length} of ${chosen.length} checks failed: ${failed.map(({ name }) => name).join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

async function work() {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const step = progress.start(check.name);
    const { code, output } = await run(check);
    if (code === 0) step.done();
    else {
      step.fail();
      failed.push({ name: check.name, output });
    }
  }
}

function run({ command, args }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ code: 1, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}
