#!/usr/bin/env node
// `reprise`: the command line, on a Node that can run it. Plain JavaScript for any Node >= 18, because the Node that
// Reprise runs on is itself one of the packages it installs: an older one hands over to it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** The first Node that runs the sources as they are; keep with `engines` in package.json. */
const engineNode = [22, 19];

// A clone runs its sources; what was built runs where there are none.
const source = join(root, 'src', 'cli', 'main.ts');
const entry = existsSync(source) ? source : join(root, 'dist', 'cli', 'main.js');
// Installed as a package, it may lie beside what it needs instead of above it.
const packages = [join(root, 'node_modules'), dirname(root)].find((folder) =>
  existsSync(join(folder, 'commander')),
);
const ownNode = join(root, 'node_modules', '.bin', 'node');
const [major, minor] = process.versions.node.split('.').map(Number);
const isNew = major > engineNode[0] || (major === engineNode[0] && minor >= engineNode[1]);

if (packages === undefined && !isSetUp()) process.exitCode = 1;
else if (isNew) await import(pathToFileURL(entry).href);
else if (existsSync(ownNode)) handOver();
else {
  console.error(
    `Reprise runs on Node ${engineNode.join('.')} or newer; this is ${process.version}. \`npm start\` brings its own.`,
  );
  process.exitCode = 1;
}

/** `reprise start` does what `npm start` does, and that installs what is missing. */
function isSetUp() {
  if (process.argv[2] === 'start') {
    return (
      spawnSync(process.execPath, [join(root, 'scripts', 'setup.mjs')], { stdio: 'inherit' }).status === 0
    );
  }
  console.error(
    'The packages of Reprise are not installed: run `npm start`, or `npm ci`, in its folder first.',
  );
  return false;
}

function handOver() {
  const child = spawn(ownNode, [entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal tells both of Ctrl-C, and the child decides what it means. Where there is none, nobody else tells it.
  const onTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  for (const signal of ['SIGINT', 'SIGHUP']) {
    process.on(signal, () => {
      if (!onTerminal) child.kill(signal);
    });
  }
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal]; // as a shell tells it
  });
}
