import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { scenarios } from '../../src/dev/compat/scenarios.ts';
import { adminToken } from '../support/api.ts';
import { startApi, type ApiProcess } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { startProcess } from '../support/processes.ts';

const db = await testDatabase();
const runner = new URL('../../src/dev/compat/main.ts', import.meta.url);
const ownClient = `${process.execPath} ${fileURLToPath(new URL('../support/e2e-cli.ts', import.meta.url))}`;
let api: ApiProcess;
beforeEach(async () => {
  api = await startApi(db.url);
});

/** Runs the compatibility runner as a person does. */
async function compat(client: string): Promise<{ code: unknown; results: Record<string, string | null> }> {
  const args = ['--client', client, '--url', api.url, '--token', adminToken, '--json'];
  const run = startProcess(runner, {}, { args });
  const code = await run.exited;
  const lines = run.output().trim().split('\n');
  const found = lines.map((line) => JSON.parse(line) as { scenario: string; problem: string | null });
  return { code, results: Object.fromEntries(found.map(({ scenario, problem }) => [scenario, problem])) };
}

test('@segment/analytics-node passes every scenario', { timeout: 120_000 }, async () => {
  const { code, results } = await compat(ownClient);
  expect(results).toEqual(Object.fromEntries(scenarios.map(({ name }) => [name, null])));
  expect(code).toBe(0);
});

test(
  'a client that drops calls fails where it does, and one that is none everywhere',
  { timeout: 120_000 },
  async () => {
    const dropping = await compat(`${ownClient} --forgetful`);
    expect(dropping.code).toBe(1);
    expect(dropping.results).toMatchObject({
      'every kind of call arrives': '4 archived, 6 called',
      'many calls arrive, each once': '80 archived, 120 called',
      'an old timestamp is kept': null,
    });
    const none = await compat(`${process.execPath} --version`);
    expect(none.code).toBe(1);
    for (const problem of Object.values(none.results))
      expect(problem).toContain('the client prints no result');
  },
);
