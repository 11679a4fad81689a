// `npm test`: what `npm run check` looks at, then every test, project by project, the quick ones first. Its last line
// adds them all up. Arguments go to vitest, and then only the tests run: `npm test -- test/unit/ports.test.ts`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const projects = ['unit', 'int', 'e2e', 'chaos'];
const args = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'reprise-results-'));
const total = { passed: 0, failed: 0, skipped: 0 };
/** What failed, to be said again at the end: nobody reads back over all that was printed. */
const failures = [];

try {
  if (args.length === 0) check();
  for (const project of projects) add(run(project));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const failure of failures) console.log(`\n✗ ${failure}`);
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
  if (ended.status !== 0) failures.push('static checks: see above, at the beginning');
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
  const result = resultOf(report);
  for (const file of result?.testResults ?? []) failures.push(...failuresIn(file));
  return { project, ended, counts: countsOf(result) };
}

function resultOf(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return null; // it never came so far as to write one
  }
}

function countsOf(result) {
  if (result === null) return { passed: 0, failed: 0, skipped: 0 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = result;
  return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
}

/** The failed tests of one file, each with the beginning of what it said. */
function failuresIn({ name, message, assertionResults }) {
  const failed = assertionResults.filter(({ status }) => status === 'failed');
  const told = failed.map(({ fullName, failureMessages }) => [fullName, failureMessages.join('\n')]);
  if (told.length === 0 && message) told.push(['did not load', message]);
  return told.map(([test, text]) => `${relative(root, name)}: ${test}\n${text.slice(0, 2_000)}`);
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
