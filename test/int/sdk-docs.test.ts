import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { openPage } from '../support/browser.ts';
import { testDatabase } from '../support/database.ts';
import { pageServer } from '../support/page-server.ts';
import { archivedOf, newKey, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs', 'sdks.md'), 'utf8');
const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

/** The document's snippets in one language, in its order. */
const snippets = (language: string) =>
  [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter(([, own]) => own === language)
    .map(([, , code = '']) => code);

/** Runs a snippet as it stands, but for its address and key. @returns what was archived, in words */
async function archivedBy(snippet: string, start: (code: string) => Promise<unknown>): Promise<string> {
  const { sourceId, writeKey } = await newKey(db);
  await start(snippet.replaceAll('http://localhost:4000', url).replaceAll('wk_demo_shop', writeKey));
  await expect.poll(() => archivedOf(db, sourceId), { timeout: 20_000 }).toHaveLength(1);
  return (await archivedOf(db, sourceId)).map(({ type, name }) => `${type} ${name}`).join(', ');
}

/** In a process of its own, in a folder from which the project's packages are found. */
async function inNode(code: string): Promise<void> {
  mkdirSync(join(root, 'node_modules', '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, 'node_modules', '.cache', 'snippet-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'snippet.mjs'), code);
  await run(process.execPath, [join(folder, 'snippet.mjs')], { timeout: 20_000 });
}

const inBrowser = async (code: string) => openPage(await pageServer(`<!doctype html>${code}`));
const inShell = (code: string) => run('sh', ['-c', code], { timeout: 20_000 });

const clients = [
  { name: 'curl', version: 'any', at: ['sh', 0], start: inShell },
  {
    name: 'analytics.js, script tag',
    version: dependencies['@segment/analytics-next'],
    at: ['html', 0],
    start: inBrowser,
  },
  {
    name: 'analytics.js, batches',
    version: dependencies['@segment/analytics-next'],
    at: ['html', 1],
    start: inBrowser,
  },
  ...['@segment/analytics-node', '@customerio/cdp-analytics-node', 'customerio-node'].map((name, place) => ({
    name,
    version: devDependencies[name],
    at: ['js', place] as const,
    start: inNode,
  })),
] as const;

test('what the document says works, and the matrix says what came of it', { timeout: 120_000 }, async () => {
  expect([...snippets('sh'), ...snippets('html'), ...snippets('js')]).toHaveLength(clients.length);
  const rows: string[] = [];
  for (const { name, version, at, start } of clients) {
    const [language, place] = at;
    const archived = await archivedBy(snippets(language)[place]!, start);
    expect(archived).toBe('track Hello');
    rows.push(`| ${name} | ${version} | ${archived} |`);
  }
  await expect(matrix(rows)).toMatchFileSnapshot('../../docs/compatibility.md');
});

function matrix(rows: readonly string[]): string {
  return `# Compatibility

Written by \`npx vitest run --project int test/int/sdk-docs.test.ts -u\`, which runs the examples of [sdks.md](sdks.md) against a tracking API; a test fails when this page no longer says what they do.

| client | version | archived of its example |
|---|---|---|
${rows.join('\n')}

Given as their makers document them, and not run by this page's test: Python (a test runs it where the package is installed), Go, Kotlin, Swift.
`;
}

const hasPython = spawnSync('python3', ['-c', 'import segment.analytics']).status === 0;

test('the Python example works', async ({ skip }) => {
  skip(!hasPython, 'segment-analytics-python is not installed for python3');
  const archived = await archivedBy(snippets('python')[0]!, (code) =>
    run('python3', ['-c', code], { timeout: 20_000 }),
  );
  expect(archived).toBe('track Hello');
});
