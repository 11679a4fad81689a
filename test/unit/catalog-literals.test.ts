import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { checkMapping } from '../../src/destinations/catalog/check-mapping.ts';
import { defaultMapping } from '../../src/destinations/catalog/compute-profile.ts';
import type { CatalogAction } from '../../src/destinations/catalog/document.ts';
import { fileOfDefinition } from '../../src/destinations/catalog/package.ts';
import { catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';

const actionOf = (type: string, name: string) =>
  readCatalogDocument(type)!.actions.find((action) => action.name === name)!;

/** The framework's own check of what a mapping made. */
const kit = createRequire(fileOfDefinition('slack'))('@segment/actions-core') as {
  fieldsToJsonSchema(fields: object): object;
  validateSchema(payload: object, schema: object, options: object): boolean;
};

/** Whether the framework refuses a value for a field of the package, whatever the event. */
const isRefusedByKit = ({ fields }: CatalogAction, name: string, value: unknown) => {
  const field = fields.find((one) => one.name === name)!;
  const schema = kit.fieldsToJsonSchema({ [name]: { type: field.type, label: '', format: field.format } });
  return !kit.validateSchema({ [name]: value }, schema, { throwIfInvalid: false });
};

/** Faults as `place: text`. */
const faultsOf = (action: CatalogAction, mapping: unknown) =>
  checkMapping(action, mapping).map(({ path, problem }) => `${path.join('/')}: ${problem}`);

test('how batches are made is said by numbers of events and by switches, before there is any event', () => {
  const track = actionOf('actions-klime', 'track');
  const good = defaultMapping(track);
  for (const batch_size of [0, -5, 2.5, '2.5']) {
    const [fault] = faultsOf(track, { ...good, batch_size });
    expect(fault).toBe('batch_size: Expected a whole number, at least 1.');
  }
  expect(faultsOf(track, { ...good, batch_size: '20', enable_batching: 'false' })).toEqual([]);
  const before = 'Expected the value itself: batches are made before events are read.';
  const found = { '@path': '$.properties.size' };
  expect(faultsOf(track, { ...good, batch_size: found, enable_batching: found })).toEqual([
    `enable_batching: ${before}`,
    `batch_size: ${before}`,
  ]);
});

test('a size of 0 is taken where the definition itself begins with it', () => {
  const send = actionOf('actions-webhook', 'send');
  const good = { ...defaultMapping(send), url: 'https://example.com/' };
  expect(good).toMatchObject({ batch_size: 0, enable_batching: false });
  expect(faultsOf(send, good)).toEqual([]);
  expect(faultsOf(send, { ...good, batch_size: -1 })).toHaveLength(1);
});

test('every action that can batch knows the switch, which is off where its definition says nothing', () => {
  const documents = catalogSummaries().map(({ type }) => readCatalogDocument(type)!);
  const batching = documents.flatMap(({ folder, actions }) =>
    folder === null ? [] : actions.filter(({ batch }) => batch !== null),
  );
  expect(batching.length).toBeGreaterThan(200);
  for (const { name, batch, fields } of batching) {
    const switches = fields.filter((field) => field.name === 'enable_batching');
    expect(
      switches.map((field) => field.default),
      name,
    ).toEqual([batch!.enabledByDefault]);
  }
  expect(actionOf('actions-recombee', 'addRating').batch?.enabledByDefault).toBe(false);
  expect(actionOf('actions-mixpanel', 'trackEvent').batch?.enabledByDefault).toBe(true);
});

test.each([
  [
    'actions-mixpanel',
    'trackEvent',
    'time',
    ['2026-10-14', '2026-10-14 02:00', 'Oct 14 2026', '1760400000', 5],
    ['soon', '?'],
  ],
  [
    'actions-apolloio',
    'track',
    'timestamp',
    ['2026-10-14T02:00:00Z', '2026-10-14T02:00:00.5+02:00'],
    ['2026-10-14', '2026-02-30T02:00:00Z', 'soon', 5],
  ],
  [
    'actions-friendbuy-cloud',
    'trackCustomer',
    'birthday',
    ['2026-10-14'],
    ['14.10.2026', '2026-02-30', 'soon'],
  ],
])('may name a time in %s/%s as it is, and no other text in its place', (type, name, field, good, bad) => {
  const action = actionOf(type, name);
  for (const [values, wrong] of [
    [good, false],
    [bad, true],
  ] as const)
    for (const value of values) {
      const faults = faultsOf(action, { ...defaultMapping(action), [field]: value });
      const said = faults.filter((fault) => new RegExp(`^${field}: Expected .* such as`).test(fault));
      expect(said, String(value)).toHaveLength(wrong ? 1 : 0);
      expect(isRefusedByKit(action, field, value), String(value)).toBe(wrong);
    }
});
