// `npm test`: what `npm run check` looks at, then every test, project by project, the quick ones first. Its last line
// adds them all up. Arguments go to vitest, and then only the tests run: `npm test -- test/unit/ports.test.ts`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const projects = ['unit', 'int', 'e2e', 'chaos'];
const args = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'reprise-results-'));
const total = { passed: 0, failed: 0, skipped: 0 };

try {
  if (args.length === 0) check();
  for (const project of projects) add(run(project));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
);
process.exitCode = total.failed === 0 ? 0 : 1;

function check() {
  console.log('\nstatic checks');
  const script = join(root, 'scripts', 'check.mjs');
  const ended = spawnSync(process.execPath, [script, '--static'], { cwd: root, stdio: 'inherit' });
  if (ended.status === 0) total.passed += 1;
  else total.failed += 1;
}

function run(project) {
  const report = join(folder, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const chosen = args.length === 0 ? [] : ['--passWithNoTests', ...args]; // those of one project are not in the others
  console.log(`\n${project} tests`);
  const ended = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--project',
      project,
      ...reporters,
      ...chosen,
    ],
    { cwd: root, stdio: 'inherit' },
  );
  return { project, ended, counts: countsOf(report) };
}

function countsOf(report) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function add({ project, ended, counts }) {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  if (ended.status === 0 || counts.failed > 0) return;
  // A file that does not load, a set-up that fails: no test failed, and yet the run did.
  total.failed += 1;
  console.log(
    `The ${project} tests did not run to their end (${ended.signal ?? `exit code ${ended.status}`}).`,
  );
}
