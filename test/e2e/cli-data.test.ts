import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandLine } from '../support/command-line.ts';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const scene = await openScene();
const token = readFileSync(join(scene.folder, 'data', 'admin-token'), 'utf8').trim();
const cli = commandLine(scene.product.apiUrl, token, scene.folder);

/** A file of so many events of one name. @param bytes how much longer than they need to be each one is */
function fileOf(name: string, events: number, bytes = 0): string {
  const file = join(scene.folder, `${name}.ndjson`);
  const padding = 'x'.repeat(bytes);
  const line = (n: number) =>
    JSON.stringify({ type: 'track', event: name, userId: `user-${n % 50}`, properties: { n, padding } });
  writeFileSync(file, Array.from({ length: events }, (_, n) => `${line(n)}\n`).join(''));
  return file;
}

test('a source, an event of it, and what the archive has of it', async () => {
  const made = await cli.run(['source', 'create', 'Web shop', '-q']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toMatch(/^wk_\w+\n$/);
  expect(await cli.run(['event', 'send', 'track', '--user', 'me', '--name', 'Hello'])).toMatchObject({
    code: 2,
  });
  const of = ['--source', 'web-shop'];
  const sent = await cli.run([
    'event',
    'send',
    'track',
    ...of,
    '--user',
    'me',
    '--name',
    'Hello',
    '--properties',
    '{"total":25}',
  ]);
  expect(sent).toMatchObject({ code: 0, stdout: '' });
  const refused = await cli.run(['event', 'send', 'track', ...of, '--name', 'Hello']);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain('neither a userId nor an anonymousId');
  const [event] = JSON.parse((await cli.run(['event', 'list', '--user', 'me', '--json'])).stdout) as [
    { messageId: string },
  ];
  const shown = await cli.run(['event', 'get', event.messageId, '--json']);
  expect(JSON.parse(shown.stdout)).toMatchObject({ name: 'Hello', event: { properties: { total: 25 } } });
});

test('a file: broken off by Ctrl-C, by a killed API, and sent again, each row is there once', async () => {
  const rows = 8_000;
  const file = fileOf('Old', rows, 4_000); // more than the buffers of a socket hold
  const broken = cli.onTerminal(['import', file, '--source', 'shop'], 60);
  await broken.says(/\d% {2}/);
  broken.type('\u0003');
  const { code, stdout } = await broken.ended;
  expect(code).toBe(130);
  expect(stdout).toContain('The same command goes on behind it.');

  const newest = async () =>
    (await scene.product.call('GET', '/api/imports')).body.data as { status: string; appended: number }[];
  await until('nobody sends it', newest, ([first]) => first?.status === 'interrupted');
  const again = cli.start(['import', file, '--source', 'shop', '--json']);
  const [running] = await until(
    'it goes on',
    newest,
    ([first]) => first?.status === 'running' && first.appended > 0,
  );
  expect(running!.appended).toBeLessThan(rows);
  process.kill(scene.product.processes()['api']!, 'SIGKILL');
  await again.says(/Sending the file again/);
  const ended = await again.ended;
  expect(ended.code, ended.stderr).toBe(0);
  expect(JSON.parse(ended.stdout)).toMatchObject({
    status: 'completed',
    lines: rows,
    appended: rows,
    rejected: 0,
  });
  expect(((await scene.product.call('GET', '/api/imports')).body.data as unknown[]).length).toBe(1);
  const [archived] = await scene.rows<{ n: number }>(
    `select count(*)::int as n from event where name = 'Old'`,
    [],
  );
  expect(archived?.n).toBe(rows);

  // More than a pipe holds, so that a reader who leaves is noticed.
  const head = await cli.shell('reprise event list --name Old --limit 2000 -q | head -n 1');
  expect(head).toMatchObject({ code: 0, stderr: '' });
});

test('a file from a pipe, one with a bad row, one that cannot be read', async () => {
  const piped = await cli.shell(
    `head -n 10 '${fileOf('Piped', 20)}' | reprise import - --source shop --json`,
  );
  expect(JSON.parse(piped.stdout)).toMatchObject({ status: 'completed', appended: 10 });
  const file = join(scene.folder, 'bad.ndjson');
  writeFileSync(file, '{"type":"track","event":"Bad","userId":"u"}\n{"type":"track","event":"Bad"}\n');
  const bad = await cli.run(['import', file, '--source', 'shop']);
  expect(bad).toMatchObject({ code: 0 });
  expect(bad.stderr).toContain('! line 2: The event has neither');
  writeFileSync(file, 'nonsense\n');
  expect(await cli.run(['import', file, '--source', 'shop'])).toMatchObject({ code: 2, stdout: '' });
  expect(await cli.run(['import', `${file}.not`, '--source', 'shop'])).toMatchObject({ code: 3 });
});

test('a token opens what its role may do, until it is revoked', async () => {
  const made = await cli.run(['token', 'create', 'Dashboard', '--role', 'viewer', '--expires', '90d', '-q']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const viewer = { REPRISE_TOKEN: made.stdout.trim() };
  expect(await cli.run(['source', 'list'], viewer)).toMatchObject({ code: 0 });
  expect(await cli.run(['source', 'create', 'Mine'], viewer)).toMatchObject({ code: 4 });
  expect(await cli.run(['token', 'revoke', 'Dashboard'])).toMatchObject({ code: 2 });
  const asked = cli.onTerminal(['token', 'revoke', 'Dashboard'], 80);
  await asked.says(/\[y\/N\]/);
  asked.type('y\n');
  expect((await asked.ended).code).toBe(0);
  await until(
    'it is refused',
    () => cli.run(['source', 'list'], viewer),
    ({ code }) => code === 4,
  );
  expect(await cli.run(['token', 'revoke', 'Dashboard', '--yes'])).toMatchObject({ code: 3 });
});

test('bash completes commands, choices and options', async () => {
  const words = async (...typed: string[]) => {
    const line = ['reprise', ...typed].map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${line}); COMP_CWORD=${typed.length}; _reprise; echo "\${COMPREPLY[*]}"`;
    return (await cli.shell(`eval "$(reprise completion bash)"; ${ask}`)).stdout.trim().split(' ');
  };
  expect(await words('rep')).toEqual(['replay']);
  expect(await words('replay', 'wa')).toEqual(['watch']);
  expect(await words('worker', 'del')).toEqual(['delivery']);
  expect(await words('replay', 'create', '--can')).toEqual(['--canary', '--canary-then']);
});

test('api, worker and migrate run on servers that the environment names', async () => {
  const servers = { DATABASE_URL: scene.product.databaseUrl };
  expect(await cli.run(['migrate', '--json'], servers)).toMatchObject({
    code: 0,
    stdout: '{"applied":[]}\n',
  });
  expect(await cli.run(['migrate'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('DATABASE_URL is not set'),
  });
  const unset = await cli.run(['worker', 'delivery'], servers);
  expect(unset).toMatchObject({ code: 2, stderr: expect.stringContaining('TEMPORAL_ADDRESS is not set') });
  const api = cli.start(['api'], {
    ...servers,
    PORT: '0',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    REPRISE_ADMIN_TOKEN: token,
    REPRISE_SECRET_KEY: readFileSync(join(scene.folder, 'data', 'secret-key'), 'utf8').trim(),
  });
  await api.says(/"port":\d+.*ready/);
  const ended = once(api.child, 'exit');
  api.child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
