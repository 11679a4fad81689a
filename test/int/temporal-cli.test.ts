import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { downloadCli } from '../../src/dev/temporal-cli/download.ts';
import { obtainTemporalCli, type Source } from '../../src/dev/temporal-cli/obtain.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
let made = 0;

/** A program that answers `--version` as the CLI does. */
function cli(version: string, place = join(folder, `cli-${(made += 1)}`)): string {
  writeFileSync(place, `#!/bin/sh\necho "temporal version ${version} (Server 1.31.2, UI 2.50.1)"\n`, {
    mode: 0o755,
  });
  return place;
}

function cacheHome(): string {
  const home = join(folder, `cache-${(made += 1)}`);
  mkdirSync(home);
  return home;
}

const nowhere = join(folder, 'no-such-program');
const source = (name: string, fetch: Source['fetch']): Source => ({ name, fetch });
const working = source('working', async (into) => cli('1.8.2', join(into, 'temporal')));
const broken = source('broken', () => Promise.reject(new Error('no network')));
const silent = () => undefined;

test('a named one is used, and no other is looked for', async () => {
  const named = cli('1.9.0');
  expect(await obtainTemporalCli({ named, say: silent, sources: [] })).toEqual({
    command: named,
    version: '1.9.0',
  });
  await expect(obtainTemporalCli({ named: nowhere, say: silent, sources: [working] })).rejects.toThrow(
    /TEMPORAL_CLI names .*, but there is none/,
  );
});

test('the machine’s own is used when it is new enough', async () => {
  const options = { say: silent, cacheHome: cacheHome(), sources: [working] };
  expect((await obtainTemporalCli({ ...options, onPath: cli('1.8.0') })).version).toBe('1.8.0');
  const fetched = await obtainTemporalCli({ ...options, onPath: cli('1.7.3') });
  expect(fetched.command).toContain(options.cacheHome);
});

test('what was fetched once is kept for all', async () => {
  const options = { say: silent, cacheHome: cacheHome(), onPath: nowhere };
  const first = await obtainTemporalCli({ ...options, sources: [working] });
  expect(await obtainTemporalCli({ ...options, sources: [] })).toEqual(first);
});

test('sources are tried in order, each said as it is tried', async () => {
  const said: string[] = [];
  const options = { say: (line: string) => said.push(line), cacheHome: cacheHome(), onPath: nowhere };
  await obtainTemporalCli({
    ...options,
    sources: [broken, working, source('unasked', () => Promise.reject())],
  });
  expect(said).toEqual([
    'Temporal: trying broken',
    'Temporal: broken: no network',
    'Temporal: trying working',
  ]);
});

test('a source that brings another version, or what does not run, does not reach the cache', async () => {
  const home = cacheHome();
  const other = source('other version', async (into) => cli('1.8.1', join(into, 'temporal')));
  const garbage = source('garbage', async (into) => {
    writeFileSync(join(into, 'temporal'), 'not a program');
    return join(into, 'temporal');
  });
  const options = { say: silent, cacheHome: home, onPath: nowhere };
  await expect(obtainTemporalCli({ ...options, sources: [other, garbage] })).rejects.toThrow(
    'it brought 1.8.1 instead of 1.8.2',
  );
  expect(readdirSync(join(home, 'reprise'), { recursive: true })).toEqual(['temporal-1.8.2']);
});

test('when nothing works, one error names all that was tried and the ways to go on', async () => {
  const attempt = obtainTemporalCli({
    say: silent,
    cacheHome: cacheHome(),
    onPath: nowhere,
    sources: [broken],
  });
  const error = await attempt.then(
    () => new Error('it worked'),
    (failure: Error) => failure,
  );
  for (const part of [
    '`temporal` on the PATH: there is none',
    'broken: no network',
    'TEMPORAL_CLI',
    'TEMPORAL_ADDRESS',
  ]) {
    expect(error.message).toContain(part);
  }
});

test('two starts at once fetch once', async () => {
  const home = cacheHome();
  let fetches = 0;
  const counted = source('counted', async (into, stopping) => {
    fetches += 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return working.fetch(into, stopping);
  });
  const obtain = () =>
    obtainTemporalCli({ say: silent, cacheHome: home, onPath: nowhere, sources: [counted] });
  const [first, second] = await Promise.all([obtain(), obtain()]);
  expect(first).toEqual(second);
  expect(fetches).toBe(1);
});

test('stopped while fetching, it goes on to no other source', async () => {
  const stop = new AbortController();
  const stopped = source('stopped', (_, stopping) => {
    stop.abort();
    return Promise.reject(stopping.reason as Error);
  });
  const options = { say: silent, cacheHome: cacheHome(), onPath: nowhere, stopping: stop.signal };
  await expect(obtainTemporalCli({ ...options, sources: [stopped, working] })).rejects.toThrow(/abort/i);
});

test('the vendor’s archive is found, fetched and unpacked', async () => {
  const packed = join(folder, 'archive');
  mkdirSync(packed);
  cli('1.8.2', join(packed, 'temporal'));
  execFileSync('tar', ['-czf', join(folder, 'cli.tar.gz'), '-C', packed, 'temporal']);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/cli.tar.gz') response.end(readFileSync(join(folder, 'cli.tar.gz')));
    else response.end(JSON.stringify({ archiveUrl: `${origin()}/cli.tar.gz`, fileToExtract: 'temporal' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => server.close());
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const into = join(folder, 'unpacked');
  mkdirSync(into);
  const path = await downloadCli(into, AbortSignal.timeout(20_000), origin());
  expect(existsSync(path)).toBe(true);
  expect(asked[0]).toMatch(/^\/cli\/v1\.8\.2\?platform=(linux|darwin)&arch=(amd64|arm64)&format=tar\.gz$/);
});
