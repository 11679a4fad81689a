import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import { version } from '../../src/version.ts';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { testFolder } from '../support/folder.ts';

const db = await testDatabase();
const stated = await testApi(db, { region: 'eu' });
const silent = await testApi(db);
await appendEvents(db, [trackEvent(await newSource(db))]);
const settings = { url: 'https://example.com/events' };

const connect = async (region?: string | null) =>
  await stated.call('POST', '/api/destinations', {
    type: 'webhook',
    name: 'Warehouse',
    settings,
    ...(region !== undefined && { region }),
  });
const leaves = (to: string) => [
  { code: 'leaves_region', deploymentRegion: 'eu', destinationRegion: to, message: expect.any(String) },
];

test('a deployment says its region and version, or that the region is not stated', async () => {
  expect((await stated.call('GET', '/api/deployment')).body).toEqual({ version, region: 'eu' });
  expect((await silent.call('GET', '/api/deployment')).body).toEqual({ version, region: null });
});

test('a destination in another region is warned of wherever it is shown, and where a replay to it is made', async () => {
  const made = await connect('us-east-1');
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({ region: 'us-east-1', warnings: leaves('us-east-1') });
  expect(made.body.warnings[0].message).toContain('leaves eu');
  const path = `/api/destinations/${made.body.id}`;
  expect((await stated.call('GET', path)).body.warnings).toEqual(leaves('us-east-1'));
  const replay = await stated.call('POST', '/api/replays', { destinationId: made.body.id });
  expect(replay.status).toBe(201);
  expect(replay.body.warnings).toEqual(leaves('us-east-1'));
  // A deployment that does not say where it is cannot know.
  expect((await silent.call('GET', path)).body).toMatchObject({ region: 'us-east-1', warnings: [] });

  const moved = await stated.call('PATCH', path, { region: 'eu' });
  expect(moved.body).toMatchObject({ region: 'eu', warnings: [] });
  const away = await stated.call('PATCH', path, { region: 'ap-south-1', name: 'Lake' });
  expect(away.body).toMatchObject({ name: 'Lake', warnings: leaves('ap-south-1') });
  expect((await stated.call('PATCH', path, { name: 'Sea' })).body.region).toBe('ap-south-1');
  expect((await stated.call('PATCH', path, { region: null })).body).toMatchObject({
    region: null,
    warnings: [],
  });
});

test('where nothing is stated, or the same region, nothing is warned of', async () => {
  for (const region of [undefined, null, 'eu']) {
    const made = await connect(region);
    expect(made.body).toMatchObject({ region: region ?? null, warnings: [] });
    const replay = await stated.call('POST', '/api/replays', { destinationId: made.body.id });
    expect(replay.body.warnings).toEqual([]);
  }
});

test('the command line says it on stderr, and leaves stdout to what was asked for', async () => {
  const cli = commandLine(stated.url, adminToken, testFolder());
  const warning = /^! The destination is in the region us, this deployment in eu: .*\n$/;
  const made = await cli.shell(`reprise destination create CLI --url ${settings.url} --region us --json`);
  expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(warning) });
  const { id } = JSON.parse(made.stdout) as { id: string };
  const replay = await cli.run(['replay', 'create', '--destination', id, '--quiet']);
  expect(replay).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\da-f-]{36}\n$/) });
  expect(replay.stderr).toMatch(warning);
});

describe.each(['EU', 'eu ', 'eu_west', '-eu', 'eu-', 'eu--west', 'a'.repeat(64), 'ëu'])('%j', (region) => {
  test('is no region of a destination', async () => {
    const refused = await connect(region);
    expect(refused.status).toBe(422);
    expect(refused.body.errors[0].pointer).toBe('/region');
  });

  test('nor of a deployment', () => {
    expect(() => readConfig({ REPRISE_REGION: region })).toThrow(ConfigError);
  });
});

test('a deployment whose region is set to nothing has not stated it', () => {
  expect(readConfig({ REPRISE_REGION: '' }).REPRISE_REGION).toBeUndefined();
  expect(readConfig({ REPRISE_REGION: 'us-east-1' }).REPRISE_REGION).toBe('us-east-1');
});
