import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { reference } from '../../src/cli/reference.ts';

const terminal = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };

test('docs/cli.md is what the commands say (npm run docs:cli writes it anew)', () => {
  const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  expect(page).toBe(reference(createProgram(terminal, '')));
});

test('every command has an example of its own', () => {
  const page = reference(createProgram(terminal, ''));
  const sections = page.split('\n## ').filter((section) => section.startsWith('reprise '));
  expect(sections.length).toBeGreaterThan(15);
  for (const section of sections) {
    const name = section.split('\n')[0] ?? '';
    expect(section.split('```sh')[1], name).toContain(name);
  }
});
