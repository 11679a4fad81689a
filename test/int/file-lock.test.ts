import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tryLock, withLock } from '../../scripts/file-lock.mjs';
import { testFolder } from '../support/folder.ts';

const run = promisify(execFile);
const folder = testFolder();
const module = JSON.stringify(new URL('../../scripts/file-lock.mjs', import.meta.url).href);

/** A process that takes a lock, says so and keeps it until it is killed. */
async function holder(file: string) {
  const script = `import { tryLock } from ${module};
    tryLock(${JSON.stringify(file)}).tell({ url: 'http://localhost:4000' });
    console.log('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('a lock that another process holds is refused, and its holder named', async () => {
  const file = join(folder, 'held');
  const child = await holder(file);
  expect(tryLock(file)).toMatchObject({ holder: { pid: child.pid, url: 'http://localhost:4000' } });
  child.kill();
  await once(child, 'exit');
});

test('the lock of a killed process is taken over', async () => {
  const file = join(folder, 'killed');
  const child = await holder(file);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = tryLock(file);
  if (lock.holder !== undefined) throw new Error('still held');
  lock.release();
  expect(existsSync(file)).toBe(false);
});

test('a lock whose pid is another program by now is taken over', () => {
  const file = join(folder, 'reused');
  writeFileSync(file, JSON.stringify({ pid: process.ppid, command: 'node src/dev/start.ts' }));
  expect(tryLock(file).holder).toBeUndefined();
});

test('a lock that is just being written is not taken over', () => {
  const file = join(folder, 'unfinished');
  writeFileSync(file, '');
  expect(tryLock(file).holder).toEqual({});
});

test('one process does not get the same lock twice', () => {
  const file = join(folder, 'twice');
  const lock = tryLock(file);
  expect(tryLock(file).holder).toMatchObject({ pid: process.pid });
  if (lock.holder === undefined) lock.release();
  expect(tryLock(file).holder).toBeUndefined();
});

test('many processes at once hold it one after another, also when they find it left behind', async () => {
  const [file, counter] = [join(folder, 'contended'), join(folder, 'counter')];
  writeFileSync(file, JSON.stringify({ pid: 2 ** 22 - 1, command: 'gone' }));
  writeFileSync(counter, '0');
  const script = `import { withLock } from ${module};
    import { readFileSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    const counter = ${JSON.stringify(counter)};
    for (let turn = 0; turn < 3; turn += 1) await withLock(${JSON.stringify(file)}, async () => {
      const seen = Number(readFileSync(counter, 'utf8'));
      await sleep(5);
      writeFileSync(counter, String(seen + 1));
    });`;
  await Promise.all(
    Array.from({ length: 6 }, () => run(process.execPath, ['--input-type=module', '-e', script])),
  );
  expect(readFileSync(counter, 'utf8')).toBe('18');
  expect(existsSync(file)).toBe(false);
});

test('the lock is let go when the work fails', async () => {
  const file = join(folder, 'failing');
  await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(existsSync(file)).toBe(false);
});
