// `node scripts/licenses.mjs [--check]`: lists every dependency with its licence in THIRD-PARTY-LICENSES.md, from the
// lockfile; with --check it only says whether the list is current.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const file = join(root, 'THIRD-PARTY-LICENSES.md');
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));

// Files of others that stand in this repository, with their licences beside them.
const vendored = [
  '| compose-spec | 2.16.2 | Apache-2.0 | development (`test/support/compose-spec`) |',
  '| rapidoc | 9.3.8 | MIT | use (`assets/api-reference`) |',
];

const rows = new Map();
for (const [path, { version, license, dev }] of Object.entries(packages)) {
  if (path === '') continue;
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  rows.set(
    `${name}@${version}`,
    `| ${name} | ${version} | ${license ?? 'see its package'} | ${dev ? 'development' : 'use'} |`,
  );
}
const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
const text = [
  '# Licences of what Reprise is built with',
  'Made by `node scripts/licenses.mjs` from the lockfile.',
  '',
  '| package | version | licence | for |',
  '|---|---|---|---|',
  ...vendored,
  ...sorted,
  '',
].join('\n');

if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (text !== readFileSync(file, 'utf8')) {
  console.error('THIRD-PARTY-LICENSES.md is not current: run node scripts/licenses.mjs');
  process.exitCode = 1;
}
