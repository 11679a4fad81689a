import { readFileSync, writeFileSync } from 'node:fs';

/** The secret kept in `file`, which only its owner may read; made there by `make` the first time. */
export function keptSecret(file: string, make: () => string): string {
  try {
    writeFileSync(file, make(), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}
