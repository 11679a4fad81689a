import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A log that grows beyond this becomes the old one, of which one is kept. */
const maxBytes = 10 * 1024 * 1024;

/** Opens a log for a process that writes it by itself; what it holds is put aside first when it has grown too large. */
export function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > maxBytes) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

/** A log that this process writes for another, line by line. */
export interface LogFile {
  write(line: string): void;
  close(): void;
}

/** Opens a log that is put aside by itself whenever it has grown too large. */
export function rotatingLog(file: string): LogFile {
  let fd = openLog(file);
  let size = fstatSync(fd).size;
  return {
    write: (line) => {
      size += writeSync(fd, `${line}\n`);
      if (size <= maxBytes) return;
      closeSync(fd);
      fd = openLog(file);
      size = 0;
    },
    close: () => closeSync(fd),
  };
}

/** The end of a log: at most `lines` lines of its last 16 KiB. Empty when there is no log. */
export function tailOf(file: string, lines: number): string {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return '';
  const buffer = Buffer.alloc(Math.min(size, 16_384));
  const fd = openSync(file, 'r');
  try {
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
  } finally {
    closeSync(fd);
  }
  return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
