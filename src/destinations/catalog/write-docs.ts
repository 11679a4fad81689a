// `npm run docs:destinations`: writes docs/destinations anew from the index of the catalog; with --check it only says
// whether the pages are current.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { destinationPages } from './pages.ts';

const folder = new URL('../../../docs/destinations/', import.meta.url);
const pages = destinationPages();

if (process.argv.includes('--check')) {
  const kept = new Map(
    readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const),
  );
  const names = new Set([...kept.keys(), ...pages.keys()]);
  const stale = [...names].filter((name) => kept.get(name) !== pages.get(name));
  if (stale.length > 0) {
    console.error(`docs/destinations is not current (${stale.join(', ')}): run npm run docs:destinations`);
    process.exitCode = 1;
  }
} else {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of pages) writeFileSync(new URL(name, folder), text);
}
