import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { columnsOf } from '../../src/cli/texts.ts';
import { commandLine } from '../support/command-line.ts';
import type { Replay } from '../support/product.ts';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const events = 600;
const scene = await openScene();
await scene.archive(events);
const { apiUrl } = scene.product;
const token = readFileSync(join(scene.folder, 'data', 'admin-token'), 'utf8').trim();
const cli = commandLine(apiUrl, token, scene.folder);

/** A destination of its own with a name of its own. */
async function connected(name: string, delayMs = 0) {
  const sink = await scene.newSink();
  if (delayMs > 0) await sink.become({ delayMs });
  return { sink, id: await scene.connect(sink, { name }) };
}

/** So slow that it is not over before a command that takes seconds to start has been heard. */
const slow = ['--rate', '5/s'];
const newest = async (destinationId: string) => {
  const { body } = await scene.product.call('GET', `/api/replays?destinationId=${destinationId}&limit=1`);
  return (body.data as Replay[])[0]!;
};

test('status and doctor: for people, for scripts, and for a shell', async () => {
  const forPeople = await cli.run(['status']);
  expect(forPeople).toMatchObject({ code: 0 });
  expect(forPeople.stdout).toContain(`${apiUrl}/api   (from REPRISE_API_URL)`);
  const asJson = await cli.run(['status', '-o', 'json']);
  expect(JSON.parse(asJson.stdout)).toMatchObject({
    apiUrl,
    status: 'ready',
    newestEvent: { position: events },
  });
  expect(forPeople.stdout).toMatch(/Processes +1 api, 1 orchestration, 2 delivery \(\d/);
  expect(forPeople.stdout).toMatch(/Schema +current/);
  const { stdout } = await cli.shell(
    'eval "$(reprise status -o env)" && echo "$REPRISE_TOKEN $REPRISE_INGEST_URL"',
  );
  expect(stdout).toBe(`${token} ${apiUrl}/v1\n`);

  const direct = { DATABASE_URL: scene.product.databaseUrl };
  const well = await cli.run(['doctor', '--json'], direct);
  expect(well.code).toBe(0);
  const checks = JSON.parse(well.stdout) as { name: string; result: string }[];
  expect(checks.filter(({ result }) => result === 'fail')).toEqual([]);
  expect(checks.map(({ name }) => name)).toEqual(
    expect.arrayContaining(
      'Node,Disk,Egress,Postgres,Version of Postgres,Rights in Postgres,Migrations,Token,Secret key,Processes'.split(
        ',',
      ),
    ),
  );
  const ill = await cli.run(['doctor'], {
    REPRISE_TOKEN: 'wrong',
    DATABASE_URL: 'postgres://x:y@127.0.0.1:1/z',
    REPRISE_WORKERS: 'many',
  });
  expect(ill.code).toBe(1);
  expect(ill.stdout).toContain('✗ Token: from REPRISE_TOKEN');
  expect(ill.stdout).toContain('✗ Environment: REPRISE_WORKERS');
  const away = await cli.run(['doctor'], { DATABASE_URL: 'postgres://x:hidden@127.0.0.1:1/z' });
  expect(away.code).toBe(1);
  expect(away.stdout).toMatch(/✗ Postgres: 127\.0\.0\.1:1\/z: .*ECONNREFUSED/);
  expect(away.stdout).not.toContain('hidden');
});

test('a destination by its name, and a replay to it with a bar that fits a narrow terminal', async () => {
  const sink = await scene.newSink();
  const made = await cli.run(['destination', 'create', 'Demo CRM', '--url', sink.url, '--quiet']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect((await cli.run(['destination', 'test', 'demo-crm'])).code).toBe(0);
  const args = [
    'replay',
    'create',
    '--destination',
    'demo-crm',
    '--last',
    '30d',
    '--rate',
    '200/s',
    '--watch',
  ];
  const { code, stdout } = await cli.onTerminal(args, 40).ended;
  expect(code, stdout).toBe(0);
  const drawn = stdout.split('\r\u001B[2K').map((line) => line.split('\n')[0] ?? '');
  expect(drawn.filter((line) => line.includes('%')).length).toBeGreaterThan(1);
  for (const line of drawn.filter((one) => one.includes('%'))) expect(columnsOf(line)).toBeLessThan(40);
  expect(drawn.some((line) => line.includes('█'))).toBe(true);
  expect(stdout).toContain(`${events} delivered, 0 failed`);
  expect((await sink.state()).received).toBe(events + 1);

  const again = await cli.run(['replay', 'create', '--destination', 'Demo CRM', '--watch', '--json']);
  const states = again.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Replay);
  expect(states.at(-1)).toMatchObject({
    status: 'completed',
    counts: { alreadyDelivered: events, delivered: 0 },
  });
  const list = await cli.run(['replay', 'list', '--destination', 'demo-crm', '--json']);
  expect(JSON.parse(list.stdout)).toHaveLength(2);
});

test('Ctrl-C stops watching and not the replay; --timeout too; a cancel is heard', async () => {
  const { id } = await connected('Slow', 20);
  const watcher = cli.onTerminal(['replay', 'create', '--destination', 'slow', ...slow, '--watch'], 100);
  await watcher.says(/█/);
  watcher.type('\u0003');
  const left = await watcher.ended;
  expect(left.code).toBe(130);
  expect(left.stdout).toContain('The replay goes on.');
  const replay = await newest(id);
  expect(replay.status).toBe('running');

  const late = await cli.run(['replay', 'watch', replay.id, '--timeout', '1s']);
  expect(late).toMatchObject({ code: 124 });
  expect(late.stderr).toContain('The replay goes on.');

  expect(await cli.run(['replay', 'cancel', replay.id])).toMatchObject({ code: 2 });
  const witness = cli.start(['replay', 'watch', replay.id]);
  await witness.says(/%/);
  expect(await cli.run(['replay', 'set-rate', replay.id, '60/s'])).toMatchObject({ code: 0 });
  expect((await scene.read(replay.id)).pace.eventsPerSecond).toBe(60);
  expect((await cli.run(['replay', 'cancel', replay.id, '--yes'])).code).toBe(0);
  expect((await witness.ended).code).toBe(8);
  const over = await cli.run(['replay', 'pause', replay.id]);
  expect(over).toMatchObject({ code: 5, stdout: '' });
  expect(over.stderr).toMatch(
    /^error: .*\(replay_ended\)\n.*\n {2}request .* \S+\/docs\/errors\/replay_ended\n$/,
  );
});

test('watching goes on over a restart of the API, and who reads only the start disturbs nobody', async () => {
  await connected('Restarted', 20);
  const watcher = cli.start([
    'replay',
    'create',
    '--destination',
    'restarted',
    '--rate',
    '100/s',
    '--watch',
    '--json',
  ]);
  await watcher.says(/"status":"running"/);
  const before = scene.product.processes()['api']!;
  process.kill(before, 'SIGKILL');
  await watcher.says(/trying again/);
  await until(
    'another API process is there',
    () => scene.product.processes()['api'],
    (pid) => pid !== undefined && pid !== before,
  );
  const { code, stdout } = await watcher.ended;
  expect(code).toBe(0);
  const states = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Replay);
  expect(states.at(-1)?.counts).toMatchObject({ delivered: events, remaining: 0 });
  const delivered = states.map(({ counts }) => counts.delivered);
  expect(delivered).toEqual(delivered.toSorted((a, b) => a - b));

  await connected('Head', 20);
  const first = await cli.shell(
    'reprise replay create --destination head --rate 100/s --watch --json | head -n 1',
  );
  expect(first).toMatchObject({ code: 0, stderr: '' });
});

test('a destination is changed, a replay marks what it sends and leaves out what it is told, and is reported', async () => {
  const sink = await scene.newSink();
  await cli.run(['destination', 'create', 'Choice', '--url', sink.url, '--concurrency', '3']);
  const changed = await cli.run([
    'destination',
    'change',
    'choice',
    '--rate',
    '400/s',
    '--name',
    'The choice',
  ]);
  expect(changed).toMatchObject({ code: 0, stderr: '' });
  const shown = await cli.run(['destination', 'get', 'the-choice', '--json']);
  expect(JSON.parse(shown.stdout)).toMatchObject({ budget: { eventsPerSecond: 400, maxConcurrent: 3 } });
  const away = await cli.run(['destination', 'change', 'the-choice', '--rate', 'none', '--json']);
  expect((JSON.parse(away.stdout) as { budget: object }).budget).toEqual({ maxConcurrent: 3 });
  expect(await cli.run(['destination', 'change', 'the-choice'])).toMatchObject({ code: 2 });
  const filtered = async (fql: string) => {
    const { stdout } = await cli.run(['destination', 'change', 'the-choice', '--filter', fql, '--json']);
    return (JSON.parse(stdout) as { filter: string | null }).filter;
  };
  expect(await filtered('type = "track"')).toBe('type = "track"');
  expect(await filtered('none')).toBeNull();
  const wrong = await cli.run(['destination', 'change', 'the-choice', '--filter', 'type =']);
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr).toContain('column');

  const options = ['--exclude-types', 'identify', '--marker', '--ignore-integrations', '--no-new-ids'];
  const args = ['replay', 'create', '--destination', 'the-choice', '--start', '1d', '--only', 'all'];
  const { stdout: id } = await cli.run([...args, ...options, '--quiet']);
  const planned = await scene.read(id.trim());
  expect(planned.request).toMatchObject({
    exclude: { types: ['identify'] },
    marker: true,
    integrations: 'ignore',
    newIds: false,
  });
  const change = ['replay', 'change', id.trim(), '--label', 'By hand', '--no-schedule', '--rate', '1000/s'];
  expect(await cli.run(change)).toMatchObject({ code: 0 });
  expect(await scene.ended(id.trim())).toMatchObject({ status: 'completed', label: 'By hand' });

  const markdown = await cli.run(['replay', 'report', id.trim()]);
  expect(markdown.stdout).toMatch(/^# .*By hand/);
  expect(JSON.parse((await cli.run(['replay', 'report', id.trim(), '--json'])).stdout)).toMatchObject({
    final: true,
  });
  const file = join(scene.folder, 'report.csv');
  const written = ['replay', 'report', id.trim(), '--format', 'csv', '-o', file];
  expect(await cli.run(written)).toMatchObject({ code: 0, stdout: '' });
  expect(readFileSync(file, 'utf8')).toContain(id.trim());
  expect(await cli.run(['destination', 'delete', 'the-choice', '--yes'])).toMatchObject({ code: 0 });
  expect(await cli.run(['destination', 'get', 'the-choice'])).toMatchObject({ code: 3 });
});

test('failed events, what cannot be found or reached, and what is typed wrong have codes of their own', async () => {
  const { sink, id } = await connected('Choosy');
  await sink.become({ refuse: { status: 400, share: 0.01 } });
  const failing = await cli.run(['replay', 'create', '--destination', id, '--watch']);
  expect(failing).toMatchObject({ code: 7 });
  expect(failing.stderr).toContain('reprise replay retry-failed');

  expect(await cli.run(['replay', 'get', '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914'])).toMatchObject({
    code: 3,
    stdout: '',
  });
  const misspelt = await cli.run(['replay', 'create', '--destination', 'chosy']);
  expect(misspelt).toMatchObject({ code: 3, stdout: '' });
  expect(misspelt.stderr).toContain('Did you mean "Choosy"?');
  await connected('choosy ');
  const several = await cli.run(['destination', 'get', 'CHOOSY']);
  expect(several).toMatchObject({ code: 2 });
  expect(several.stderr).toContain(id);

  expect(await cli.run(['status'], { REPRISE_TOKEN: 'wrong' })).toMatchObject({ code: 4 });
  expect(await cli.run(['status'], { REPRISE_API_URL: 'http://127.0.0.1:9' })).toMatchObject({ code: 6 });
  expect(await cli.run(['status'], { REPRISE_API_URL: '', XDG_CONFIG_HOME: scene.folder })).toMatchObject({
    code: 6,
  });
  expect(await cli.run(['replay', 'lst'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Did you mean list?'),
  });
  expect(await cli.run(['replay', 'create'])).toMatchObject({ code: 2 });
  const fault = await cli.run(['replay', 'create', '--destination', id, '--from', 'yesterday']);
  expect(fault).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('/range/from: Expected an RFC 3339 time'),
  });
});
