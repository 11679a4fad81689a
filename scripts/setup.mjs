// Runs before `npm start`, `npm test` and `npm run check`: installs what is missing. Plain JavaScript without
// dependencies for any Node >= 18, because the Node that Reprise runs on is itself one of the packages it installs.
//   --tests   obtains the Temporal server as well, so that no test waits for a download in its own time limit
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './file-lock.mjs';
import { createProgress } from './progress.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const progress = createProgress();

/** Node 18 is the oldest that runs the file-lock and fetch code here; npm 9 the oldest that came with it. */
const oldestNode = 18;
const oldestNpm = 9;
/** The first Node that runs the sources as they are; keep with `engines` in package.json. */
const engineNode = [22, 19];

class SetupError extends Error {}

try {
  refuseOldTools();
  if (missingPackage() !== null) await install();
  refuseMissingEngine();
  if (process.argv.includes('--tests')) await obtainTemporal();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
}

function refuseOldTools() {
  if (Number(process.versions.node.split('.')[0]) < oldestNode) {
    throw new SetupError(
      `Reprise needs Node ${oldestNode} or newer to set itself up; this is ${process.version}.\n` +
        'Any newer one will do: the Node that Reprise then runs on comes with its packages.',
    );
  }
  const manager = /^(\w+)\/(\d+)/.exec(process.env.npm_config_user_agent ?? '');
  if (manager !== null && manager[1] !== 'npm') {
    throw new SetupError(`Reprise is installed by npm, whose lock file it has; this is ${manager[1]}.`);
  }
  if (manager !== null && Number(manager[2]) < oldestNpm) {
    throw new SetupError(
      `Reprise needs npm ${oldestNpm} or newer; this is ${manager[2]}. To update: npm install -g npm@latest`,
    );
  }
}

/**
 * The first package that the lock file names and node_modules lacks or has in another version; null when all is there.
 * npm keeps a record of what it installed, so this asks nothing of the network. Optional packages are for other
 * machines, except the Node that this one needs.
 */
function missingPackage() {
  const locked = packagesIn('package-lock.json');
  const installed = packagesIn('node_modules/.package-lock.json');
  const isMissing = ([path, entry]) =>
    path !== '' && (!entry.optional || isOurNode(path, entry)) && installed[path]?.version !== entry.version;
  return Object.entries(locked).find(isMissing)?.[0] ?? null;
}

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages ?? {};
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return {};
    throw error;
  }
}

function isOurNode(path, entry) {
  const fits = [entry.os].flat().includes(process.platform) && [entry.cpu].flat().includes(process.arch);
  return path.startsWith('node_modules/node-') && fits;
}

async function install() {
  await withLock(join(root, '.setup.lock'), installWhatIsMissing, () =>
    progress.say('Another set-up is at work in this folder; waiting for it.'),
  );
}

async function installWhatIsMissing() {
  if (missingPackage() === null) return; // the other set-up did it
  const first = !existsSync(join(root, 'node_modules'));
  const step = progress.start(
    first ? 'Installing packages, once, about a minute' : 'Installing what package-lock.json has changed',
  );
  const result = await run(npm(), ['ci', '--include=dev', '--include=optional']);
  if (result.code !== 0) {
    step.fail('npm could not install the packages');
    throw new SetupError(
      `${withoutEngineWarnings(result.output).trim()}\n\nnpm ci ended with ${result.code}; what it said stands above. ` +
        'Reprise needs a package registry once; after that it starts offline.',
    );
  }
  step.done('Packages installed');
}

/** npm warns of the Node that it runs on itself; Reprise runs on the one that npm was to install. */
function withoutEngineWarnings(output) {
  return output.replace(/^npm warn EBADENGINE.*\n/gm, '');
}

/** How to call the npm that called this, with the Node that it runs on; else the one on the PATH. */
function npm() {
  const cli = process.env.npm_execpath;
  return cli !== undefined && /\.c?js$/.test(cli) ? [process.execPath, cli] : ['npm'];
}

function refuseMissingEngine() {
  const own = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(own) && spawnSync(own, ['--version']).status === 0) return;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > engineNode[0] || (major === engineNode[0] && minor >= engineNode[1])) return;
  throw new SetupError(
    `Reprise runs on Node ${engineNode.join('.')} or newer. It brings its own on Linux and macOS (x64, arm64) ` +
      `and Windows (x64), but none that runs here (${process.platform} ${process.arch}), and this is ` +
      `${process.version}. Install a newer Node and try again.`,
  );
}

async function obtainTemporal() {
  const own = join(root, 'node_modules', '.bin', 'node');
  const result = spawnSync(existsSync(own) ? own : process.execPath, ['src/dev/obtain-temporal.ts'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.status !== 0) throw new SetupError('The tests need the Temporal server.');
}

function run([command, ...first], args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...first, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? signal, output }));
  });
}
