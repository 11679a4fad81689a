// `node bench/catalog-isolation.ts`: what code that goes wrong does to who runs it, in a worker thread with
// `resourceLimits` and in a child process with a bounded heap. Each case is run by a process of its own, which says at
// its end that it lives.
import { fork, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const file = fileURLToPath(import.meta.url);
const heapMb = 192;
const require = createRequire(import.meta.url);

interface Framework {
  readonly transform: (mapping: object, event: object) => unknown;
}

/** Each runs on a small stack of its own: it is this file in the role of the code that goes wrong. */
const cases: Readonly<Record<string, () => unknown>> = {
  'a range of liquid': () => {
    const { transform } = require('@segment/actions-core') as Framework;
    return transform({ a: { '@liquid': '{{ (1..100000000) | size }}' } }, { x: 1 });
  },
  'one large array': () => Array.from<number>({ length: 4e8 }).fill(0).length,
  'a long JSON text': () => (JSON.parse(`[${'1,'.repeat(5e7)}1]`) as number[]).length,
  'a Map that grows': () => {
    const map = new Map<number, number>();
    for (let n = 0; ; n += 1) map.set(n, n);
  },
  'many small objects': () => {
    const all: object[] = [];
    for (;;) all.push(Array.from({ length: 1e5 }, () => ({})));
  },
  'a call without end': () => {
    const call = (): number => call() + 1;
    return call();
  },
  'an exception in a timer': () => setTimeout(() => nobodyCatches(), 1),
  'process.exit': () => process.exit(3),
};

function nobodyCatches(): never {
  throw new Error('nobody catches it');
}

const [, , way, name] = process.argv;
const role = isMainThread ? way : 'code';
if (role === undefined) report();
else if (role === 'code') cases[isMainThread ? name! : (workerData as string)]!();
else await runs(role, name!);

/** Runs a case in a thread or a child, and says so when it has outlived it. */
async function runs(kind: string, what: string): Promise<void> {
  const heap = { maxOldGenerationSizeMb: heapMb };
  const run =
    kind === 'thread'
      ? new Worker(file, { workerData: what, resourceLimits: heap, stdout: true, stderr: true })
      : fork(file, ['code', what], { execArgv: [`--max-old-space-size=${heapMb}`], stdio: 'ignore' });
  run.on('error', () => undefined); // the exit says the rest
  await new Promise((resolve) => run.on('exit', resolve));
  process.stdout.write('lives');
}

function report(): void {
  const results = Object.keys(cases).map((what) => {
    const outlives = (kind: string) =>
      spawnSync(process.execPath, [file, kind, what], { encoding: 'utf8' }).stdout.endsWith('lives');
    const result = { case: what, thread: outlives('thread'), child: outlives('child') };
    console.log(`${what}: a thread's process ${said(result.thread)}, a child's ${said(result.child)}`);
    return result;
  });
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`;
  const summary = {
    command: 'node bench/catalog-isolation.ts',
    node: process.version,
    machine,
    outlives: results,
  };
  const path = new URL('results/catalog-isolation.json', import.meta.url);
  writeFileSync(path, `${JSON.stringify(summary, null, 2)}\n`);
}

function said(outlives: boolean): string {
  return outlives ? 'lives on' : 'is gone';
}
