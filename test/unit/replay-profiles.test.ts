import { describe, expect, test } from 'vitest';
import { computeProfile } from '../../src/destinations/catalog/compute-profile.ts';
import type { CatalogAction, CatalogDocument } from '../../src/destinations/catalog/document.ts';
import { durationText } from '../../src/destinations/catalog/duration-text.ts';
import { explain } from '../../src/destinations/catalog/explain.ts';
import { writtenProfiles } from '../../src/destinations/catalog/profiles.ts';
import { catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { readinessOf } from '../../src/destinations/catalog/readiness.ts';
import { ReplayProfile } from '../../src/destinations/replay-profile.ts';

const profiles = [...writtenProfiles().values()];
const documents = catalogSummaries().map(({ type }) => readCatalogDocument(type)!);
const read = (type: string): CatalogDocument => readCatalogDocument(type)!;
const computed = (type: string) => read(type).replay.computed!;

describe('written profiles', () => {
  test('are there for what people connect most', () => {
    expect(profiles.length).toBeGreaterThanOrEqual(40);
  });

  test('say where each figure comes from, and what could not be confirmed', () => {
    const said = profiles.flatMap((profile) => statements(profile));
    expect(said.length).toBeGreaterThan(150);
    for (const { source } of said) expect(source).toMatch(/[a-z].{9}/);
    // What only a third party's code says counts as not confirmed.
    const thirdParty = said.filter(({ source }) => source.startsWith('rudderlabs/'));
    expect(thirdParty.length).toBeGreaterThan(20);
    expect(thirdParty.filter(({ confirmed }) => confirmed)).toEqual([]);
  });

  test('name only actions, fields, settings and features that their definition has', () => {
    for (const profile of profiles) {
      const { actions, settings, features } = read(profile.type);
      const names = actions.map(({ name }) => name);
      for (const { value } of [...profile.overlays, ...profile.sideEffects, ...profile.unconfirmed]) {
        for (const action of value.actions ?? []) expect(names, profile.type).toContain(action);
      }
      for (const { value } of profile.sideEffects) {
        const meant = actions.filter(({ name }) => value.actions?.includes(name) ?? true);
        for (const { field } of value.when?.conditions ?? [])
          for (const { fields } of meant)
            expect(
              fields.map(({ name }) => name),
              profile.type,
            ).toContain(field);
      }
      for (const { value } of profile.overlays) {
        const meant = actions.filter(({ name }) => value.actions?.includes(name) ?? true);
        const place = `${profile.type} ${value.name}`;
        if (value.kind === 'setting')
          expect(
            settings.map(({ name }) => name),
            place,
          ).toContain(value.name);
        else if (value.kind === 'feature') expect(features, place).toContain(value.name);
        else {
          for (const { fields } of meant)
            expect(
              fields.map(({ name }) => name),
              place,
            ).toContain(value.name);
        }
      }
    }
  });

  test('name a dedupe field that an action of the package has', () => {
    for (const { type, dedupe } of profiles) {
      const { actions, folder } = read(type);
      const field = dedupe?.value.field;
      if (field === undefined || folder === null) continue;
      expect(
        actions.some(({ fields }) => fields.some(({ name }) => name === field)),
        type,
      ).toBe(true);
    }
  });

  test('ask for no larger requests than the service takes', () => {
    const cm360 = profiles.find(({ type }) => type === 'actions-google-campaign-manager-360')!;
    expect(cm360.batch?.value.events).toBe(1_000);
    expect(cm360.overlays.map(({ value }) => [value.name, value.value])).toEqual([['batch_size', 1_000]]);
  });

  test('stand in the index as they were written', () => {
    for (const profile of profiles) {
      expect(ReplayProfile.parse(read(profile.type).replay.profile)).toEqual(profile);
    }
  });
});

describe('computed profiles', () => {
  test('are there for every definition of the package', () => {
    const without = documents.filter(({ folder, replay }) => folder !== null && replay.computed === null);
    expect(without).toEqual([]);
  });

  test('tell where the time comes from', () => {
    const timeOf = (type: string, action: string) =>
      computed(type).eventActions.find((one) => one.action === action)?.time;
    expect(timeOf('actions-mixpanel', 'trackEvent')).toBe('event');
    expect(timeOf('actions-braze-cloud', 'trackEvent2')).toBe('arrival');
    expect(timeOf('actions-posthog', 'event')).toBe('arrival');
    expect(timeOf('actions-mixpanel', 'incrementProperties')).toBe('none');
  });

  test('tell whether the messageId is sent', () => {
    const idOf = (type: string, action: string) =>
      computed(type).eventActions.find((one) => one.action === action)?.messageId;
    expect(idOf('actions-mixpanel', 'trackEvent')).toBe(true);
    expect(idOf('actions-amplitude', 'logEventV2')).toBe(false);
  });

  test('find what a mapping reads however deep, and take the whole event for all of it', () => {
    const action = (value: unknown, trigger = 'type = "track"') =>
      computeProfile({
        actions: [
          { name: 'a', trigger, batch: null, sideEffects: [], fields: [{ name: 'f', default: value }] },
        ] as unknown as CatalogAction[],
      }).eventActions;
    const nested = {
      '@if': { exists: 1, then: { a: [{ '@template': 'at {{timestamp}} {{ messageId }}' }] } },
    };
    expect(action(nested)).toEqual([{ action: 'a', time: 'event', messageId: true }]);
    expect(action({ '@path': '$.properties.timestamp' })).toEqual([
      { action: 'a', time: 'none', messageId: false },
    ]);
    expect(action({ '@path': '$.' })).toEqual([{ action: 'a', time: 'event', messageId: true }]);
    expect(action({ '@path': '$.timestamp' }, 'type = "identify"')).toEqual([]);
  });

  test('warn of what reaches people', () => {
    expect(read('actions-twilio').replay.readiness).toBe('careful');
    expect(computed('actions-twilio').messages).toEqual(['sendSMS']);
    expect(read('actions-customerio').replay.readiness).toBe('careful');
  });
});

describe('an explanation', () => {
  const profile = (given: object) => ReplayProfile.parse({ type: 't', ...given });
  const told = (given: object) => explain({ title: 'Tool', profile: profile(given), computed: null });
  const source = 'the vendor’s page';

  test('says how old events may be, and what becomes of older ones', () => {
    expect(
      told({ maxAgeSeconds: { value: 259_200, source }, tooOld: { value: 'dropped_silently', source } }),
    ).toEqual([
      'Tool takes events that are at most 72 hours old; a replay does not send older ones.',
      'What is older would be dropped without a word.',
    ]);
  });

  test('says of what was not confirmed that it was not', () => {
    expect(told({ maxAgeSeconds: { value: 604_800, source, confirmed: false } })[0]).toMatch(
      /7 days old.*\(Not confirmed\.\)$/,
    );
  });

  test('says whether an event is known again', () => {
    expect(told({ dedupe: { value: { key: null }, source } })[0]).toMatch(/there twice/);
    expect(told({ dedupe: { value: { key: 'insert_id', windowSeconds: 604_800 }, source } })[0]).toBe(
      'An event that is sent again is known by insert_id for 7 days.',
    );
  });

  test('says what a replay sends otherwise, and why', () => {
    const value = { kind: 'mapping', name: 'id', value: 1, actions: ['track'], because: 'It has to.' };
    expect(told({ overlays: [{ value, source }] })).toEqual([
      'A replay sets the field id to 1 (track), unless another value was chosen. It has to.',
    ]);
  });

  test('says that success cannot be known', () => {
    expect(told({ confirmable: { value: false, source } })[0]).toMatch(/unconfirmable/);
  });

  test('says of every computed one that it is computed, and of no written one', () => {
    for (const { type, replay } of documents) {
      const says = replay.explanation.some((text) => text.startsWith('This was computed'));
      expect(says, type).toBe(replay.profile === null);
      expect(replay.explanation.length, type).toBeGreaterThan(0);
      for (const text of replay.explanation) expect(text, type).toMatch(/^[A-Z0-9$].*[.)]$/);
    }
  });

  test('is of the same readiness as the list shows', () => {
    for (const document of documents) {
      const { computed: tells, profile: written, readiness } = document.replay;
      expect(readinessOf(document, tells, written), document.type).toBe(readiness);
    }
  });
});

test('lengths of time are said in their largest whole unit', () => {
  expect([1, 90, 120, 3_600, 43_200, 172_800, 259_200, 604_800, 7_776_000].map(durationText)).toEqual([
    '1 second',
    '90 seconds',
    '2 minutes',
    '1 hour',
    '12 hours',
    '48 hours',
    '72 hours',
    '7 days',
    '90 days',
  ]);
});

/** Every statement of a profile. */
function statements(profile: ReplayProfile): { source: string; confirmed: boolean }[] {
  const single = Object.values(profile).filter((one) => typeof one === 'object' && 'source' in one);
  return [...single, ...profile.overlays, ...profile.sideEffects, ...profile.remarks] as {
    source: string;
    confirmed: boolean;
  }[];
}
