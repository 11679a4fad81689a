import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { environmentWith } from '../../src/config.ts';

const run = promisify(execFile);

/** The snippets in one language that a document of the product holds, in its order. */
export function snippetsOf(document: string, language: string): string[] {
  const text = readFileSync(new URL(`../../${document}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^ *```(\w+)\n([^]*?)^ *```$/gm)]
    .filter(([, own]) => own === language)
    .map(([, , code = '']) => code);
}

/** The commands for a shell that a document holds, in its order. */
export const commandsOf = (document: string): string[] =>
  snippetsOf(document, 'sh').map((code) => code.trim());

/**
 * Runs a command of a document as a person does.
 * @param apiUrl where its `http://localhost:4000` is @returns what it prints @throws when it fails
 */
export async function runCommand(
  command: string,
  settings: Readonly<Record<string, string>>,
  options: { readonly apiUrl?: string; readonly cwd?: string } = {},
): Promise<string> {
  const { apiUrl = 'http://localhost:4000', cwd } = options;
  const text = `set -euo pipefail\n${command.replaceAll('http://localhost:4000', apiUrl)}`;
  const env = environmentWith({ ...settings });
  return (await run('bash', ['-c', text], { env, ...(cwd !== undefined && { cwd }) })).stdout;
}
