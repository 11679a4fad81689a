import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

// Temporal's packages and ours must share one: with two of them, a history as JSON cannot be read.
test.each(['package-lock.json', 'node_modules/.package-lock.json'])(
  'one protobufjs 8 stands in %s',
  (file) => {
    const lock = JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')) as LockFile;
    const copies = Object.entries(lock.packages)
      .filter(([path, { version }]) => /(^|\/)protobufjs$/.test(path) && version?.startsWith('8.'))
      .map(([path]) => path);
    expect(copies).toEqual(['node_modules/protobufjs']);
  },
);
