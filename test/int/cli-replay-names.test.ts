import { expect, test } from 'vitest';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { sql } from '../../src/db/sql.ts';

const db = await testDatabase();
const api = await testApi(db);
const cli = commandLine(api.url, adminToken, testFolder());

async function replay(more: Record<string, unknown> = {}): Promise<string> {
  const settings = { url: 'http://127.0.0.1:9/' };
  const destination = { type: 'webhook', name: `Sink ${Math.random()}`, settings };
  const made = await api.call('POST', '/api/destinations', destination);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const asked = await api.call('POST', '/api/replays', { destinationId: made.body.id, ...more });
  expect(asked.status, JSON.stringify(asked.body)).toBe(201);
  return asked.body.id as string;
}

const october = await replay({ label: 'October outage' });
const [one, other] = [await replay({ label: 'Twice' }), await replay({ label: 'Twice' })];
const ids = async (...args: string[]) => {
  const { code, stdout, stderr } = await cli.run([...args, '--json']);
  return { code, id: code === 0 ? (JSON.parse(stdout) as { id: string }).id : stderr };
};

test('a replay is meant by its id, by the beginning that the bar shows, or by its label', async () => {
  const ways = [october.toUpperCase(), october.slice(0, 8), october.slice(0, 13), 'October outage'];
  const found = await Promise.all(ways.map(async (way) => await ids('replay', 'get', way)));
  expect(found).toEqual(ways.map(() => ({ code: 0, id: october })));
  expect(await ids('replay', 'pause', october.slice(0, 8))).toEqual({ code: 0, id: october });
  expect((await cli.run(['replay', 'lanes', 'October outage'])).code).toBe(0);
  const report = await cli.run(['replay', 'report', october.slice(0, 8)]);
  expect(report).toMatchObject({ code: 0, stdout: expect.stringContaining(october) });
}, 60_000);

test('one that could be several, or is none, is told with what to do', async () => {
  const several = await ids('replay', 'cancel', 'Twice', '--yes');
  expect(several.code).toBe(2);
  expect(several.id).toContain('"Twice" means 2 replays. Say which, by its id:');
  for (const id of [one, other]) expect(several.id).toContain(id);
  for (const none of ['ffffffff', 'October', one.slice(0, 3)]) {
    const { code, id } = await ids('replay', 'get', none);
    expect({ code, id }).toEqual({ code: 3, id: expect.stringContaining(`"${none}"`) });
  }
  const statuses = await db.rows<{ desired: string }>(
    sql`select desired from run where id in (${one}, ${other})`,
  );
  expect(statuses.map(({ desired }) => desired)).not.toContain('cancelled');
}, 60_000);
