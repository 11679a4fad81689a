// A lock that is a file naming its holder. Plain JavaScript, because scripts/setup.mjs needs it before anything is installed.
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A lock file is made and filled in two steps; one without a holder is only trusted as new for this long. */
const unfinishedMs = 5_000;
const pollMs = 200;

/** Lock files that this very process holds: a lock with its pid that is not among them is left from before a restart. */
const ours = new Set();

export function commandOf(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return null; // EPERM: it runs, as another user
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || null; // a zombie has none
  } catch {
    const listed = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return listed.stdout?.trim() || null;
  }
}

export function tryLock(file, info = {}) {
  const content = (more) =>
    JSON.stringify({ pid: process.pid, command: commandOf(process.pid), ...info, ...more });
  for (;;) {
    try {
      writeFileSync(file, content({}), { flag: 'wx', mode: 0o600 });
      ours.add(file);
      return { tell: (more) => replace(file, content(more)), release: () => release(file) };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const seen = read(file);
    if (seen === null) continue; // released meanwhile
    const holder = holderOf(seen);
    if (holder === null ? isNew(file) : isHeld(file, holder)) return { holder: holder ?? {} };
    takeAway(file, seen);
  }
}

export async function withLock(file, work, onWait = () => undefined) {
  let lock = tryLock(file);
  if (lock.holder !== undefined) onWait(lock.holder);
  while (lock.holder !== undefined) {
    await sleep(pollMs);
    lock = tryLock(file);
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function holderOf(content) {
  try {
    const holder = JSON.parse(content);
    return Number.isInteger(holder?.pid) ? holder : null;
  } catch {
    return null;
  }
}

function release(file) {
  ours.delete(file);
  if (holderOf(read(file))?.pid === process.pid) rmSync(file, { force: true });
}

// A pid alone could by now be another program's.
function isHeld(file, holder) {
  return holder.pid === process.pid ? ours.has(file) : commandOf(holder.pid) === holder.command;
}

function isNew(file) {
  return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < unfinishedMs;
}

// Two processes may find the same dead holder. What is renamed away is looked at again, so that neither takes the lock
// that the other has just made.
function takeAway(file, stale) {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (read(aside) === stale) rmSync(aside);
  else renameSync(aside, file);
}

function replace(file, content) {
  const next = `${file}.${process.pid}`;
  writeFileSync(next, content, { mode: 0o600 });
  renameSync(next, file);
}
