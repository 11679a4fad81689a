import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, linkSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';
import { environmentWith } from '../../src/config.ts';
import { instructionOf, readDockerfile, readDockerignore, wordsOf, type Stage } from './dockerfile.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const stepDeadlineMs = 600_000;
/** Who a container runs as; only root can become somebody else. */
const identity = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};

/** What the Dockerfile makes, as a folder of this machine. */
export interface Image {
  /** Where `/app` is. */
  readonly app: string;
  /** Runs its ENTRYPOINT, as the user and in the environment that a container has. */
  start(args: readonly string[], settings?: Readonly<Record<string, string>>): Container;
  /** Its HEALTHCHECK. @returns whether it passes */
  health(settings: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<boolean>;
}

/** A process of the image, and what is known of its end. */
export interface Container {
  readonly process: ChildProcess;
  readonly output: () => string;
  /** Exit code, or signal. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** SIGTERM, and its end. @returns how it ended, and after how many milliseconds */
  stop(): Promise<{ end: number | NodeJS.Signals; afterMs: number }>;
}

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** Does what the Dockerfile says, step by step, below a folder that everybody may read. */
export async function buildImage(folder: string): Promise<Image> {
  const stages = readDockerfile(new URL('../../Dockerfile', import.meta.url));
  const places = new Map<string, string>();
  for (const stage of stages) {
    const place = join(folder, stage.name ?? 'image');
    if (stage.name !== null) places.set(stage.name, place);
    await buildStage(stage, place, places);
  }
  const last = stages.at(-1)!;
  const home = join(folder, 'image');
  const node = join(folder, 'node'); // the one of this run may lie where only its owner may go
  try {
    linkSync(process.execPath, node);
  } catch {
    copyFileSync(process.execPath, node);
  }
  const here = (word: string) => (word === 'node' ? node : word.replace(/^\/app\b/, join(home, 'app')));
  const [command = '', ...entry] = wordsOf(last, 'ENTRYPOINT').map(here);
  const [, check = '[]'] = / CMD (\[.*\])$/.exec(instructionOf(last, 'HEALTHCHECK')) ?? [];
  const environment = (settings: Readonly<Record<string, string>>) => ({
    ...environmentWith({}, /^(REPRISE|TEMPORAL|npm)_|^(NODE_OPTIONS|DATABASE_URL|PORT|HOME)$/),
    ...variablesOf(last),
    ...settings,
  });
  return {
    app: join(home, 'app'),
    start: (args, settings = {}) =>
      follow(spawn(command, [...entry, ...args], { env: environment(settings), cwd: home, ...identity })),
    health: async (settings, ...args) => {
      const [program = '', ...words] = (JSON.parse(check) as string[]).map(here);
      const options = { env: environment(settings), cwd: home, ...identity };
      return await run(program, [...words, ...args], options).then(
        () => true,
        () => false,
      );
    },
  };
}

async function buildStage(stage: Stage, place: string, places: ReadonlyMap<string, string>): Promise<void> {
  let cwd = place;
  for (const { name, text } of stage.instructions) {
    if (name === 'WORKDIR') {
      cwd = join(place, text);
      mkdirSync(cwd, { recursive: true });
    } else if (name === 'COPY') copy(text, cwd, places);
    else if (name === 'RUN') await step(text, cwd, variablesOf(stage));
  }
}

/** What an unprivileged build must not see, and what it may not leave behind, is the same here as there. */
async function step(command: string, cwd: string, variables: Record<string, string>): Promise<void> {
  // All packages are what the clone of this run has, by the same lock file.
  if (command === 'npm ci --ignore-scripts') {
    await run('cp', ['-al', join(root, 'node_modules'), cwd], { timeout: stepDeadlineMs });
    return;
  }
  const env = {
    ...environmentWith({ npm_config_prefer_offline: 'true', ...variables }, /^npm_(lifecycle|package)_/),
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
  };
  const options = { cwd, env, timeout: stepDeadlineMs, maxBuffer: 64 * 1024 * 1024 };
  await run('sh', ['-c', command], options).catch((error: Error & { stderr?: string }) => {
    throw new Error(`RUN ${command}: ${error.message}\n${error.stderr ?? ''}`);
  });
}

function copy(text: string, cwd: string, places: ReadonlyMap<string, string>): void {
  const words = text.split(/\s+/);
  const [, from] = /^--from=(.+)$/.exec(words[0] ?? '') ?? [];
  const sources = from === undefined ? words.slice(0, -1) : words.slice(1, -1);
  const target = join(cwd, words.at(-1) ?? '');
  for (const source of sources) {
    if (from !== undefined) copyTree(join(places.get(from) ?? '', source), target, () => true);
    else if (statSync(join(root, source)).isDirectory()) copyTree(join(root, source), target, inContext);
    else {
      if (!inContext(join(root, source))) throw new Error(`.dockerignore keeps ${source} out`);
      mkdirSync(target, { recursive: true });
      copyFileSync(join(root, source), join(target, source.split('/').at(-1) ?? ''));
    }
  }
}

const isLetIn = readDockerignore(new URL('../../.dockerignore', import.meta.url));

function inContext(path: string): boolean {
  return isLetIn(relative(root, path));
}

function copyTree(source: string, target: string, filter: (path: string) => boolean): void {
  cpSync(source, target, { recursive: true, verbatimSymlinks: true, filter });
}

function variablesOf(stage: Stage): Record<string, string> {
  const pairs = stage.instructions
    .filter(({ name }) => name === 'ENV')
    .map(({ text }) => text.split('=', 2) as [string, string]);
  return Object.fromEntries(pairs);
}

function follow(child: ChildProcess): Container {
  running.add(child);
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    return (code ?? signal) as number | NodeJS.Signals;
  });
  return {
    process: child,
    output: () => printed,
    exited,
    stop: async () => {
      const from = performance.now();
      child.kill('SIGTERM');
      const end = await exited;
      return { end, afterMs: performance.now() - from };
    },
  };
}

/** How much lies in a folder, in bytes. */
export function sizeOf(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
}
