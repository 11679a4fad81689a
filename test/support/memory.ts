import { readFileSync } from 'node:fs';

/** What a process holds in memory, and the most it ever held; megabytes. Source: proc(5), /proc/pid/status. */
export function memoryOf(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_000;
  return { now: read('VmRSS'), peak: read('VmHWM') };
}
