import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { directiveNames } from '../../src/destinations/catalog/check-directive.ts';
import { liquidProblem } from '../../src/destinations/catalog/check-liquid.ts';
import { checkMapping } from '../../src/destinations/catalog/check-mapping.ts';
import { defaultMapping } from '../../src/destinations/catalog/compute-profile.ts';
import type { CatalogAction } from '../../src/destinations/catalog/document.ts';
import { fileOfDefinition } from '../../src/destinations/catalog/package.ts';
import { catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';

const documents = catalogSummaries().map(({ type }) => readCatalogDocument(type)!);
const actionOf = (type: string, name: string) =>
  readCatalogDocument(type)!.actions.find((action) => action.name === name)!;

/** The framework's own transformation, for what it does with a mapping. */
const kit = createRequire(fileOfDefinition('slack'))('@segment/actions-core') as {
  transform(mapping: object, event: object): unknown;
};

/** Faults as `place: text`. */
function faultsOf(action: CatalogAction, mapping: unknown): string[] {
  return checkMapping(action, mapping).map(({ path, problem }) => `${path.join('/')}: ${problem}`);
}

/** What the package maps wrongly itself: members that its own fields do not know, values that are no choice. */
const packageFaults: Record<string, readonly string[]> = {
  'actions-angler-ai': [
    'client_details',
    'collectionProductVariants',
    'eventName',
    'productVariant',
    'searchResults',
  ],
  'actions-attentive': ['eventType'],
  'actions-cordial': ['items'],
  'actions-ms-bing-capi': ['items'],
  'actions-reddit-conversions-api': ['event_metadata'],
};

const isKnown = (type: string, fault: string) =>
  (packageFaults[type] ?? []).some((field) => fault.startsWith(`${field}/`) || fault.startsWith(`${field}:`));

describe('what the package itself maps', () => {
  test('passes in every preset, but for what is known to be wrong in it', () => {
    const seen = new Set<string>();
    for (const { type, actions, presets } of documents) {
      for (const { name, action, mapping, faults = [] } of presets) {
        const found = faultsOf(
          actions.find((one) => one.name === action)!,
          mapping,
        );
        expect(found, `${type} ${name}`).toEqual(faults);
        for (const fault of found) {
          expect(isKnown(type, fault), `${type} "${name}" ${fault}`).toBe(true);
          seen.add(type);
        }
      }
    }
    expect([...seen].toSorted()).toEqual(
      Object.keys(packageFaults).filter((type) => type !== 'actions-cordial'),
    );
  });

  test('lacks at most what its owner fills in, where Segment’s own events set it off', () => {
    const wrong = documents.flatMap(({ type, actions, eventPresets }) =>
      eventPresets.flatMap(({ name, action, mapping }) =>
        faultsOf(
          actions.find((one) => one.name === action)!,
          mapping,
        )
          .filter((fault) => !fault.includes('Missing: the action needs'))
          .map((fault) => `${type} "${name}" ${fault}`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  test('lacks at most what its owner fills in, in every default mapping', () => {
    const wrong = documents.flatMap(({ type, actions }) =>
      actions.flatMap((action) =>
        faultsOf(action, defaultMapping(action))
          .filter((fault) => !fault.includes('Missing: the action needs') && !isKnown(type, fault))
          .map((fault) => `${type}/${action.name} ${fault}`),
      ),
    );
    expect(wrong).toEqual([]);
  });
});

describe('a mapping', () => {
  const track = actionOf('actions-mixpanel', 'trackEvent');
  const good = defaultMapping(track);

  test('may hold no unknown field; the nearest is named', () => {
    expect(faultsOf(track, { ...good, insertid: 'x' })).toEqual([
      'insertid: "insertid" is not known here. Did you mean "insert_id"?',
    ]);
    expect(faultsOf(track, { ...good, __proto: 1 })[0]).toMatch(/^__proto: "__proto" is not known here/);
    expect(faultsOf(track, { ...good, constructor: 1 })[0]).toMatch(/is not known here/);
  });

  test('may not lack what the action needs for every event', () => {
    const { event: _, ...without } = good;
    expect(faultsOf(track, without)).toEqual([
      'event: Missing: the action needs "Event Name" for every event.',
    ]);
    expect(faultsOf(track, { ...good, event: null })[0]).toMatch(/^event: Missing/);
  });

  test('is asked for a field that its other values make necessary', () => {
    const sftp = readCatalogDocument('actions-braze-cloud')!.actions.find(
      ({ name }) => name === 'ecommerce',
    )!;
    const mapping = { ...defaultMapping(sftp), name: 'ecommerce.order_cancelled' };
    const needed = faultsOf(sftp, { ...mapping, order_id: null, cancel_reason: null });
    expect(needed.join('\n')).toMatch(/(order_id|cancel_reason): Missing/);
    // Which of them it will be is not known before there is an event.
    const later = faultsOf(sftp, { ...mapping, name: { '@path': '$.event' }, cancel_reason: null });
    expect(later.filter((fault) => fault.startsWith('cancel_reason'))).toEqual([]);
  });

  test('is checked value by value', () => {
    expect(faultsOf(track, { ...good, batch_size: 'many' })).toEqual(['batch_size: Expected a number.']);
    expect(faultsOf(track, { ...good, batch_size: 2001 })).toEqual([
      'batch_size: "Batch Size" takes at most 2000.',
    ]);
    expect(faultsOf(track, { ...good, enable_batching: 'yes' })).toEqual([
      'enable_batching: Expected a boolean.',
    ]);
    expect(faultsOf(track, { ...good, event: ['a', 'b'] })).toEqual(['event: Expected a single value.']);
    expect(faultsOf(track, { ...good, event: { a: 1 } })).toEqual(['event: Expected no object.']);
    expect(faultsOf(track, { ...good, event_properties: 'a' })).toEqual([
      'event_properties: Expected an object.',
    ]);
    expect(faultsOf(track, [])).toEqual([': Expected an object.']);
  });

  test('is checked below objects that say what they hold', () => {
    const bing = actionOf('actions-ms-bing-capi', 'sendEvent');
    const items = { '@arrayPath': ['$.properties.products', { quantty: { '@path': '$.quantity' } }] };
    expect(faultsOf(bing, { ...defaultMapping(bing), items })).toContain(
      'items/@arrayPath/1/quantty: "quantty" is not known here. Did you mean "quantity"?',
    );
    expect(faultsOf(bing, { ...defaultMapping(bing), items: [{ quantty: 1 }] })).toContain(
      'items/0/quantty: "quantty" is not known here. Did you mean "quantity"?',
    );
  });

  test('has bounds for its size and depth', () => {
    let deep: unknown = 'x';
    for (let level = 0; level < 40; level += 1) deep = { a: deep };
    expect(faultsOf(track, { ...good, event_properties: deep })).toEqual([
      ': A mapping may be 30 levels deep.',
    ]);
    const long = { ...good, event: 'x'.repeat(200_000) };
    expect(faultsOf(track, long)[0]).toMatch(/may have 100000 characters/);
  });

  test('takes the sync mode and hooks of its action, and only there', () => {
    const withMode = documents
      .flatMap(({ actions }) => actions)
      .find(
        ({ syncMode, fields }) => syncMode !== null && fields.every(({ required }) => required === undefined),
      )!;
    const mode = { __segment_internal_sync_mode: withMode.syncMode!.default };
    expect(faultsOf(withMode, mode)).toEqual([]);
    expect(faultsOf(withMode, { __segment_internal_sync_mode: 'sideways' })[0]).toMatch(/Expected one of/);
    expect(faultsOf(track, { ...good, ...mode })[0]).toMatch(/is not known here/);
    const hooked = actionOf('actions-linkedin-conversions', 'streamConversion');
    const before = faultsOf(hooked, defaultMapping(hooked));
    expect(
      faultsOf(hooked, { ...defaultMapping(hooked), onMappingSave: { inputs: {}, outputs: { id: '1' } } }),
    ).toEqual(before);
  });
});

describe('directives', () => {
  const action = actionOf('actions-mixpanel', 'trackEvent');
  const faults = (value: unknown) => faultsOf(action, { ...defaultMapping(action), event_properties: value });
  const event = {
    event: 'Bought',
    properties: { a: 'x', list: [{ n: 1 }] },
    timestamp: '2026-01-01T00:00:00Z',
  };

  const taken: Record<string, unknown> = {
    '@path': '$.properties',
    '@template': '{{event}} of {{userId}}',
    '@literal': { a: 1 },
    '@if': { exists: { '@path': '$.a' }, then: 1, else: { '@path': '$.b' } },
    '@case': { operator: 'lower', value: { '@path': '$.event' } },
    '@replace': { pattern: 'a', replacement: 'b', value: { '@path': '$.event' }, global: true },
    '@arrayPath': ['$.properties.list', { n: { '@path': '$.n' } }],
    '@flatten': { separator: '.', value: { '@path': '$.properties' } },
    '@json': { mode: 'encode', value: { '@path': '$.properties' } },
    '@merge': { direction: 'right', objects: [{ '@path': '$.properties' }, { b: 1 }] },
    '@transform': { apply: { a: { '@path': '$.event' } }, mapping: { b: { '@path': '$.a' } } },
    '@excludeWhenNull': { '@path': '$.properties.a' },
    '@liquid': '{{ event | upcase }}',
  };

  test.each(directiveNames)('%s is taken, as the framework takes it', (name) => {
    expect(faults({ a: { [name]: taken[name] } })).toEqual([]);
    expect(() => kit.transform({ a: { [name]: taken[name] } }, event)).not.toThrow();
  });

  test.each([
    ['@pth', '$.a'],
    ['@path', 5],
    ['@template', {}],
    ['@if', {}],
    ['@if', 'x'],
    ['@case', { value: 'a' }],
    ['@replace', { pattern: 'longer than ten', value: 'a' }],
    ['@replace', { pattern: '', value: 'a' }],
    ['@arrayPath', '$.list'],
    ['@flatten', { value: 1 }],
    ['@json', { mode: 'both', value: 1 }],
    ['@merge', { objects: { a: 1 }, direction: 'right' }],
    ['@transform', { apply: 1, mapping: {} }],
    ['@liquid', 5],
    ['@liquid', '{% include "x" %}'],
  ])('%s %j would fail for every event, and is refused', (name, value) => {
    expect(faults({ a: { [name]: value } })).not.toEqual([]);
    expect(() => kit.transform({ a: { [name]: value } }, event)).toThrow();
  });

  test('stand alone', () => {
    expect(faults({ a: { '@path': '$.a', b: 1 } })[0]).toMatch(/stands alone/);
    expect(faults({ a: { '@path': '$.a', '@if': {} } })[0]).toMatch(/stands alone/);
    expect(faults({ a: { '@path': '$.a', _metadata: { label: 'A' } } })).toEqual([]);
  });

  test('are found however deep they stand, and told by their place', () => {
    const nested = { a: [{ '@if': { exists: 1, then: { '@case': { operator: 'up', value: 'x' } } } }] };
    expect(faults(nested)).toEqual([
      'event_properties/a/0/@if/then/@case/operator: Expected "lower" or "upper".',
    ]);
  });
});

describe('Liquid', () => {
  test.each([
    '{{ (1..100000000) | size }}',
    '{{ (1..n) }}',
    '{% assign x = (1..9999999) %}{{ x }}',
    "it's {{ (properties['a)']..99999999) }} it's",
    '{{ ( 1 .. 5 ) }}',
    '{% if (1..3) contains 2 %}a{% endif %}',
  ])('a range is refused: %s', (template) => {
    expect(liquidProblem(template)).toMatch(/Ranges/);
  });

  test.each([
    ['{% for x in y %}{% endfor %}', /tag "for"/],
    ['{%- tablerow x in y %}{% endtablerow %}', /tag "tablerow"/],
    ['{{ a | map: "b" }}', /filter "map"/],
    ['{{ a | sort}}', /filter "sort"/],
    ['{{ a | nosuch }}', /no Liquid template|undefined filter/],
    ['{{ a ', /no Liquid template/],
    ['{% if a %}', /no Liquid template/],
    ['x'.repeat(1_001), /1000 characters/],
  ])('%s is refused', (template, problem) => {
    expect(liquidProblem(template)).toMatch(problem);
  });

  test.each([
    '',
    'plain ... (text)',
    '{{ event }}',
    '{% if a == 1 %}b{% else %}{{ c | default: "…" }}{% endif %}',
  ])('%s is taken', (template) => {
    expect(liquidProblem(template)).toBeNull();
  });
});
