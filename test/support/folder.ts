import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A folder of this file's own, removed after the file. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'reprise-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
