import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { testFolder } from '../support/folder.ts';
import { deserted, otherServer } from '../support/other-server.ts';
import { openProxy } from '../support/proxy.ts';

const db = await testDatabase();
const api = await testApi(db);
const folder = testFolder();
const at = (url: string) => commandLine(url, adminToken, folder);
const id = '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914';
const json = { 'content-type': 'application/json' };
const page = '<html><h1>It works!</h1></html>';

/** Each starts several processes side by side. */
const patience = { timeout: 120_000 };

/** What other servers say, each with the command that hears it. */
const heard: readonly [what: string, url: string, args: readonly string[]][] = [
  ['a page of its own for what is not there', await otherServer(404, page), ['source', 'list']],
  ['one page for everything', await otherServer(200, page), ['event', 'get', '1', '--json']],
  ['a proxy without what is behind it', await otherServer(502, page), ['replay', 'get', id]],
  ['a login', await otherServer(401, page), ['status']],
  [
    'a problem without a code',
    await otherServer(404, '{"message":"Not Found"}', json),
    ['replay', 'get', id],
  ],
  ['a code of its own', await otherServer(404, '{"code":"not_found"}', json), ['replay', 'get', id]],
  ['JSON of its own', await otherServer(200, '{"hello":"world"}', json), ['destination', 'list']],
  ['one page where a stream was asked for', await otherServer(200, page), ['event', 'tail']],
  ['JSON where a stream was asked for', await otherServer(200, '{}', json), ['replay', 'watch', id]],
  ['another address', await otherServer(301, '', { location: 'https://x.invalid/at' }), ['source', 'list']],
];

test('what answers and is not Reprise is unreachable, and never what was not found', patience, async () => {
  const all = await Promise.all(heard.map(async ([, url, args]) => ({ url, ...(await at(url).run(args)) })));
  for (const [index, { url, code, stdout, stderr }] of all.entries()) {
    const [what] = heard[index]!;
    expect({ code, stdout }, `${what}: ${stderr}`).toEqual({ code: 6, stdout: '' });
    expect(stderr, what).toMatch(/^error: This address answers, but not as Reprise: .*\n {2}\S/);
    expect(stderr, what).toContain(`${url} (from REPRISE_API_URL)`);
  }
  expect(all[2]?.stderr).toContain('A proxy stands there');
  expect(all.at(-1)?.stderr).toContain('leads to https://x.invalid/at.');
});

test('the address with the path that a banner shows is not taken for that of the API', patience, async () => {
  const { code, stderr } = await at(`${api.url}/api`).run(['source', 'list']);
  expect(code, stderr).toBe(6);
  expect(stderr).toContain(`  Is it ${api.url}?\n`);
});

test('doctor says what helps, whatever is at the address', patience, async () => {
  const [foreign, odd, nobody] = await Promise.all([
    at(await otherServer(200, page)).run(['doctor', '--json']),
    at('http://127.0.0.1:1').run(['doctor', '--json']), // fetch calls no such port
    at(await deserted()).run(['doctor', '--json']),
  ]);
  for (const { code, stdout, stderr } of [foreign, odd, nobody]) {
    expect(code, stderr).toBe(1);
    const checks = JSON.parse(stdout) as { name: string; result: string; remedy: string | null }[];
    const failed = checks.filter(({ result }) => result === 'fail');
    expect(failed).toMatchObject([{ name: 'API', remedy: expect.stringMatching(/^\w.*\.$/) }]);
  }
});

test('nobody waits for an API that was never there', patience, async () => {
  const closed = at(await deserted());
  const [tail, watch, deliveries] = await Promise.all([
    closed.run(['event', 'tail']),
    closed.run(['replay', 'watch', id]),
    closed.run(['event', 'tail', '--deliveries']),
  ]);
  for (const { code, stdout, stderr } of [tail, watch, deliveries]) {
    expect({ code, stdout }, stderr).toEqual({ code: 6, stdout: '' });
    expect(stderr).toMatch(/^error: Nobody listens at /);
    expect(stderr).not.toContain('trying again');
  }
});

test('an API that was there is waited for, however it went', patience, async () => {
  const shop = await newSource(db);
  const link = await openProxy(() => Number(new URL(api.url).port));
  try {
    const running = at(`http://127.0.0.1:${link.port}`).start(['event', 'tail', '--json']);
    await running.says(/Following/);
    await link.cut();
    await running.says(/trying again/);
    await link.become({});
    await appendEvents(db, [trackEvent(shop)]);
    await running.says(/"position":1,/);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/[^.)]\)?; trying again\.\n/);
    expect(stderr).not.toContain('.;');
  } finally {
    await link.close();
  }
});

test('who has no token is told so; a file is not sent again to what is not Reprise', patience, async () => {
  const { code, stderr } = await at(api.url).run(['source', 'list'], {
    REPRISE_TOKEN: '',
    REPRISE_ADMIN_TOKEN: '',
    XDG_CONFIG_HOME: folder,
  });
  expect(code).toBe(4);
  expect(stderr).toContain('No token was found: give one by --token or REPRISE_TOKEN');
  expect(stderr).not.toContain('another');
  const file = join(folder, 'one.ndjson');
  writeFileSync(file, '{"type":"track","event":"One","userId":"me"}\n');
  const sent = await at(await otherServer(404, page)).run(['import', file, '--source', 'shop']);
  expect(sent.code).toBe(6);
  expect(sent.stderr).not.toContain('Sending the file again');
});
