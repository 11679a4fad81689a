import { expect, test } from 'vitest';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';

const db = await testDatabase();
const api = await testApi(db);
const cli = commandLine(api.url, adminToken, testFolder());
const made = async (name: string) => (await api.call('POST', '/api/sources', { name })).body;
const asJson = async (...args: string[]) =>
  JSON.parse((await cli.run(['status', '-o', 'json', ...args])).stdout) as Record<string, unknown>;
const inShell = async (options: string) =>
  (
    await cli.shell(
      `eval "$(reprise status -o env ${options})" && echo "$REPRISE_SOURCE: $REPRISE_WRITE_KEY"`,
    )
  ).stdout;

test('status names the source of the write key that it shows, and keeps to it when others are made', async () => {
  expect((await cli.run(['status'])).stdout).toContain('write key none yet: reprise source create');
  expect(await asJson()).toMatchObject({ writeKey: null, source: null });
  const first = await made("Ann's shop");
  const shown = `write key ${first.writeKey} of the source "Ann's shop"`;
  expect((await cli.run(['status'])).stdout).toContain(shown);
  const others = [await made('App'), await made('Blog')];
  expect((await cli.run(['status'])).stdout).toContain(shown);
  expect(await asJson()).toMatchObject({
    writeKey: first.writeKey,
    source: { id: first.id, name: "Ann's shop" },
  });
  expect(await inShell('')).toBe(`Ann's shop: ${first.writeKey}\n`);
  expect(await inShell('--source blog')).toBe(`Blog: ${others[1].writeKey}\n`);
  expect(await asJson('--source', others[0].id)).toMatchObject({ writeKey: others[0].writeKey });
  expect(await cli.run(['status', '--source', 'Blgo'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('Did you mean "Blog"?'),
  });
}, 60_000);
