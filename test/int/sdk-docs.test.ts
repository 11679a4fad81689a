import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { openAdmin } from '../../src/dev/compat/admin.ts';
import { runScenario } from '../../src/dev/compat/run-scenario.ts';
import { scenarios } from '../../src/dev/compat/scenarios.ts';
import { adminToken } from '../support/api.ts';
import { startApi } from '../support/api-process.ts';
import { openPage } from '../support/browser.ts';
import { testDatabase } from '../support/database.ts';
import { snippetsOf } from '../support/document.ts';
import { testFolder } from '../support/folder.ts';
import { pageServer } from '../support/page-server.ts';
import { customerIoPython, runPython, segmentGo, segmentPython } from '../support/sdks/batching.ts';
import { isMissing } from '../support/sdks/installed.ts';
import { secureFront } from '../support/sdks/secure-front.ts';
import { trackPython } from '../support/sdks/track.ts';
import { archivedOf, newKey } from '../support/tracking.ts';

const db = await testDatabase();
const folder = testFolder();
const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const matrixPage = join(root, 'docs', 'compatibility.md');
const rowsBefore = readFileSync(matrixPage, 'utf8').split('\n');
const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

const snippets = (language: string) => snippetsOf('docs/sdks.md', language);

/** Runs a snippet as it stands, but for its address and key. @returns what was archived, in words */
async function archivedBy(
  url: string,
  [language, place]: readonly [string, number],
  start: (code: string) => Promise<unknown>,
): Promise<string> {
  const snippet = snippets(language)[place]!;
  const { sourceId, writeKey } = await newKey(db);
  await start(snippet.replaceAll('http://localhost:4000', url).replaceAll('wk_demo_shop', writeKey));
  await expect.poll(() => archivedOf(db, sourceId), { timeout: 20_000 }).toHaveLength(1);
  return (await archivedOf(db, sourceId)).map(({ type, name }) => `${type} ${name}`).join(', ');
}

/** Runs a client of the compatibility runner through its scenarios. @returns how many passed, and which did not */
async function passedBy(client: string, url: string): Promise<string> {
  const admin = openAdmin(url, adminToken);
  const failed: string[] = [];
  for (const scenario of scenarios) {
    const problem = await runScenario(scenario, { admin, url, client });
    if (problem !== null) failed.push(`${scenario.name} (${problem})`);
  }
  return [`${scenarios.length - failed.length} of ${scenarios.length}`, ...failed].join('; not ');
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

/** Those of other languages, where they are on this machine or can be fetched. */
const batching = [
  { sdk: segmentPython, at: ['python', 0] },
  { sdk: customerIoPython, at: ['python', 1] },
  { sdk: segmentGo, at: ['go', 0] },
] as const;

/** @returns a row of the matrix; what the page has where the SDK is not to be had here */
async function batchingRow(url: string, { sdk, at }: (typeof batching)[number]): Promise<string> {
  const { name, version } = sdk;
  const ready = await sdk.ready(mkdtempSync(join(folder, 'sdk-')));
  if (isMissing(ready)) return rowBefore(name, ready.missing);
  const archived = await archivedBy(url, at, (lines) => ready.example(lines));
  return `| ${name} | ${version} | ${archived} | ${await passedBy(ready.client, url)} |`;
}

async function trackRow(url: string): Promise<string> {
  const { name, version } = trackPython;
  const packages = await trackPython.ready();
  if (isMissing(packages)) return rowBefore(name, packages.missing);
  const front = await secureFront(url);
  const archived = await archivedBy(url, ['python', 2], (code) =>
    runPython(packages, code.replace('events.example.com', front.host), { REQUESTS_CA_BUNDLE: front.trust }),
  );
  return `| ${name} | ${version} | ${archived} | |`;
}

function rowBefore(name: string, missing: string): string {
  console.warn(`${name} is not run: ${missing}`);
  const row = rowsBefore.find((line) => line.startsWith(`| ${name} |`));
  if (row === undefined) throw new Error(`${missing}, and the page has no row of ${name}`);
  return row;
}

test('what the document says works, and the matrix says what came of it', { timeout: 400_000 }, async () => {
  const { url } = await startApi(db.url);
  expect([...snippets('sh'), ...snippets('html'), ...snippets('js')]).toHaveLength(clients.length);
  expect([...snippets('python'), ...snippets('go')]).toHaveLength(batching.length + 1);
  const others = Promise.all([...batching.map((one) => batchingRow(url, one)), trackRow(url)]);
  const rows: string[] = [];
  for (const { name, version, at, start } of clients) {
    rows.push(`| ${name} | ${version} | ${await archivedBy(url, at, start)} | |`);
  }
  rows.push(...(await others));
  const passes = ['| track Hello | |', `| track Hello | ${scenarios.length} of ${scenarios.length} |`];
  for (const row of rows)
    expect(
      passes.some((end) => row.endsWith(end)),
      row,
    ).toBe(true);
  await expect(matrix(rows)).toMatchFileSnapshot(matrixPage);
});

function matrix(rows: readonly string[]): string {
  return `# Compatibility

Written by \`npx vitest run --project int test/int/sdk-docs.test.ts -u\`, which runs the examples of [sdks.md](sdks.md) against an API process, and some clients through the scenarios of \`npm run compat\` as well; a test fails when this page no longer says what they do.

| client | version | archived of its example | scenarios passed |
|---|---|---|---|
${rows.join('\n')}

Python and Go run where \`python3\` or \`go\` is and the SDK can be fetched; elsewhere their rows stay as they are. \`test/int/sdk-languages.test.ts\` holds their SDKs to more: every call with values of the language's own kinds (integers beyond 2^53, floats, dates, nested objects, any text) is archived byte for byte, 250 calls in batches arrive once each, and nothing is lost or doubled when Postgres and then the server are away for a while.

Given as their makers document them, and run by no test, as they need a phone's system: Kotlin, Swift.
`;
}
