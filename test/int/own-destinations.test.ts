import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addOwnDefinitions } from '../../src/destinations/catalog/own-folder.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { startReceiver } from '../support/receiver.ts';

const examples = new URL('../../examples/destinations', import.meta.url).pathname;
const api = await testApi(await testDatabase());
await addOwnDefinitions(examples);

/** A folder of definitions, each a text. */
function folderOf(definitions: Readonly<Record<string, string>>): string {
  const folder = testFolder();
  for (const [name, text] of Object.entries(definitions)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'index.ts'), text);
  }
  return folder;
}
const minimal = (slug: string, more = '') =>
  `export default { name: 'Mine', slug: '${slug}', mode: 'cloud', actions: { go: { title: 'Go', perform: () => null } } ${more} };`;

test('it is in the catalog as all others: settings, actions, what a new destination begins with, its profile', async () => {
  const { body: list } = await api.call('GET', '/api/catalog?q=loyalty');
  expect(list.data).toMatchObject([
    { type: 'loyalty-club', title: 'Loyalty Club', connectable: true, batching: 1 },
  ]);
  const { body } = await api.call('GET', '/api/catalog/loyalty-club');
  expect(body).toMatchObject({
    connectable: true,
    settings: [{ name: 'endpoint' }, { name: 'apiKey', secret: true }],
    actions: [{ name: 'bookPoints', batch: { maximumSize: 500 } }],
    presets: [{ name: 'Points for orders' }],
    replay: { profile: { type: 'loyalty-club' } },
  });
  expect(JSON.stringify(body)).not.toContain(examples);
});

test('its settings and mappings are checked, and its own test is asked', async () => {
  const receiver = await startReceiver((request, response) =>
    response.writeHead(request.headers['authorization'] === 'Bearer club-key-51fe' ? 200 : 401).end('{}'),
  );
  const base = { type: 'loyalty-club', name: 'Club' };
  const missing = await api.call('POST', '/api/destinations', {
    ...base,
    settings: { endpoint: receiver.url },
  });
  expect(missing).toMatchObject({ status: 422, body: { errors: [{ pointer: '/settings/apiKey' }] } });
  const tested = async (apiKey: string) => {
    const made = await api.call('POST', '/api/destinations', {
      ...base,
      settings: { endpoint: receiver.url, apiKey },
    });
    return (await api.call('POST', `/api/destinations/${made.body.id}/test`, {})).body;
  };
  expect(await tested('club-key-51fe')).toMatchObject({ ok: true });
  expect(await tested('club-key-wrong')).toMatchObject({ ok: false, status: 401 });
});

test.each([
  ['no default export', { one: 'export const x = 1;' }, 'no definition as its default'],
  ['no perform', { one: minimal('a-one').replace('perform: () => null', '') }, 'actions.go.perform'],
  ['a slug with spaces', { one: minimal('a one') }, 'slug'],
  ['a slug that the catalog has', { one: minimal('webhook') }, 'the catalog has "webhook" already'],
  [
    'two with one slug',
    { an: minimal('a-twin'), one: minimal('a-twin') },
    'the catalog has "a-twin" already',
  ],
  ['it throws', { one: 'throw new Error("not today");' }, 'not today'],
  ['it signals its parent', { one: 'process.kill(process.ppid, "SIGCONT");' }, 'reaches no other'],
  ['it ends its process', { one: 'process.exit(3);' }, 'exit code 3'],
  ['it reads a package that is not there', { one: "import 'not-there';" }, 'not-there'],
  ['its browser part alone', { one: minimal('a-one').replace("'cloud'", "'device'") }, 'mode'],
])('%s: nothing starts, and the text names the file and the fault', async (_, definitions, text) => {
  const folder = folderOf(definitions);
  const error: Error = await addOwnDefinitions(folder).then(
    () => Promise.reject(new Error('it was taken')),
    (refusal: Error) => refusal,
  );
  expect(error.name).toBe('OwnDefinitionsError');
  expect(error.message).toContain(join(folder, 'one', 'index.ts'));
  expect(error.message).toContain(text);
});

test('a profile that is none is refused with its place', async () => {
  const folder = testFolder();
  cpSync(join(examples, 'loyalty-club'), join(folder, 'club'), { recursive: true });
  writeFileSync(
    join(folder, 'club', 'replay-profile.json'),
    '{"type":"loyalty-club","maxAgeSeconds":{"value":-1}}',
  );
  await expect(addOwnDefinitions(folder)).rejects.toThrow('replay-profile.json: maxAgeSeconds');
});

test('a folder that is not there is refused; an empty one adds nothing', async () => {
  await expect(addOwnDefinitions('/not/there')).rejects.toThrow('REPRISE_DESTINATIONS names /not/there');
  await addOwnDefinitions(testFolder());
});
