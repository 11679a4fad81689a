import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';

const api = await testApi(await testDatabase());
const folder = testFolder();
const cli = commandLine(api.url, adminToken, folder);
const id = '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914';

/** Each starts several processes side by side. */
const patience = { timeout: 120_000 };

/** The same command in several ways, side by side: most of their time is the start of a process. */
const all = (...ways: Parameters<typeof cli.run>[]) =>
  Promise.all(ways.map(async (way) => ({ way, ...(await cli.run(...way)) })));

test(
  'an argument that cannot be read names itself and what it takes; an empty one says so',
  patience,
  async () => {
    for (const { way, code, stdout, stderr } of await all(
      [['replay', 'set-rate', id, 'foo']],
      [['replay', 'set-rate', id, '0']],
    )) {
      expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`'${way[0].at(-1)}' is invalid for argument 'rate'`);
      expect(stderr).toContain('200/s, 1000/min or 5000/h, or none');
    }
    // What can be read is asked for: there is no such replay.
    expect(await cli.run(['replay', 'set-rate', id, 'none'])).toMatchObject({ code: 3 });
    for (const { code, stderr } of await all([['replay', 'get', '']], [['event', 'get', '']])) {
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(/^error: The argument <\w+> is empty\.\n$/);
    }
    expect(await cli.run(['event', 'get', '..'])).toMatchObject({
      code: 3,
      stderr: 'error: Nothing is called "." or "..".\n',
    });
  },
);

test(
  'an address that no call can go to is a fault of usage, wherever it was given; no password is shown',
  patience,
  async () => {
    const list = ['source', 'list'];
    const settings = join(folder, 'reprise');
    mkdirSync(settings);
    writeFileSync(join(settings, 'config.json'), '{"apiUrl": "localhost:4000"}');
    const [option, variable, file] = await all(
      [[...list, '--api-url', 'notaurl']],
      [list, { REPRISE_API_URL: 'http://me:hidden@127.0.0.1' }],
      [list, { REPRISE_API_URL: '', XDG_CONFIG_HOME: folder }],
    );
    for (const one of [option, variable, file]) expect(one).toMatchObject({ code: 2, stdout: '' });
    expect(option?.stderr).toContain("'--api-url <url>' argument 'notaurl' is invalid. That is no address");
    expect(variable?.stderr).toContain('The address from REPRISE_API_URL cannot be used: ');
    expect(variable?.stderr).not.toContain('hidden');
    expect(file?.stderr).toContain('config.json cannot be used: That is no address of an API.');
  },
);

test(
  'a token that no header can carry is refused without being shown; a line break at its end is none of it',
  patience,
  async () => {
    const given = ['secret words', 'secr€t', ''].map((token) => ['source', 'list', '--token', token]);
    for (const { code, stderr } of await all(...given.map((args) => [args] satisfies [string[]]))) {
      expect(code, stderr).toBe(4);
      expect(stderr).toContain('The token from --token');
      expect(stderr).not.toContain('secr');
    }
    expect(await cli.run(['source', 'list'], { REPRISE_TOKEN: `${adminToken}\n` })).toMatchObject({
      code: 0,
    });
  },
);

test('there is nothing to import in an empty file, nor in an empty pipe', patience, async () => {
  await api.call('POST', '/api/sources', { name: 'Shop' });
  const file = join(folder, 'empty.ndjson');
  writeFileSync(file, '');
  const empty = await cli.run(['import', file, '--source', 'shop']);
  expect(empty).toMatchObject({ code: 2, stdout: '' });
  expect(empty.stderr).toMatch(/^error: .*empty\.ndjson is empty: there is nothing to import\.\n {2}Give /);
  const piped = await cli.shell('reprise import - --source shop < /dev/null');
  expect(piped).toMatchObject({ code: 2, stdout: '' });
  expect(piped.stderr).toContain('The file is empty. Send NDJSON (one event per line) or CSV.');
  writeFileSync(file, 'nonsense\n');
  expect(await cli.run(['import', file, '--source', 'shop'])).toMatchObject({ code: 2, stdout: '' });
  expect((await api.call('GET', '/api/events')).body.data).toEqual([]);
});

test('what the API refuses is said of options, and so is what it says of a table', patience, async () => {
  const table = join(folder, 'table.csv');
  writeFileSync(table, 'customer\nme\n');
  const [expires, settings, imported] = await all(
    [['token', 'create', 'CI', '--role', 'viewer', '--expires', '2020-01-01T00:00:00Z']],
    [['destination', 'create', 'Other', '--type', 'segment', '--url', 'https://example.com']],
    [['import', table, '--source', 'shop']],
  );
  for (const one of [expires, settings, imported]) expect(one).toMatchObject({ code: 2, stdout: '' });
  expect(expires?.stderr).toMatch(/\/expiresAt: .* \(--expires\)\n/);
  expect(settings?.stderr).toMatch(/\/settings\/writeKey: .* \(--set writeKey=…\)\n/);
  expect(settings?.stderr).toMatch(/\/settings\/url: .* \(--url\)\n/);
  expect(imported?.stderr).toContain('--map customer:properties.customer');
  expect(imported?.stderr).not.toMatch(/(map|type)=/);
});

test(
  'an option that another one is missing for, a file that is not there, settings that are no JSON',
  patience,
  async () => {
    const settings = join(folder, 'broken', 'reprise');
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, 'config.json'), '{"apiUrl":');
    await api.call('POST', '/api/destinations', {
      type: 'webhook',
      name: 'CRM',
      settings: { url: 'http://127.0.0.1:9/' },
    });
    const [tail, preview, broken] = await all(
      [['event', 'tail', '--destination', 'crm']],
      [['destination', 'preview', 'crm', '--event', join(folder, 'not-there.json')]],
      [['source', 'list'], { REPRISE_API_URL: '', XDG_CONFIG_HOME: join(folder, 'broken') }],
    );
    expect(tail).toMatchObject({
      code: 2,
      stderr: 'error: --destination needs --deliveries, which it is for.\n',
    });
    expect(preview).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('not-there.json cannot be read'),
    });
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringContaining('config.json is no JSON.') });
  },
);

test('help explains a command below another one', patience, async () => {
  const [help, option] = await all([['help', 'replay', 'set-rate']], [['replay', 'set-rate', '--help']]);
  expect(help).toMatchObject({ code: 0, stdout: option?.stdout });
  expect(help?.stdout).toContain('Usage: reprise replay set-rate');
  const nothing = await all([['nope', '--help']], [['replay', 'gett', '--help']]);
  expect(nothing.map(({ code }) => code)).toEqual([2, 2]);
  expect(nothing[0]?.stderr).toContain("unknown command 'nope'");
  expect(nothing[1]?.stderr).toContain('Did you mean get?');
});
