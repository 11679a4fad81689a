import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { categorised } from '../../src/destinations/catalog/categories.ts';
import type { CatalogDocument, Field } from '../../src/destinations/catalog/document.ts';
import { generateCatalog } from '../../src/destinations/catalog/generate.ts';
import { laidOut } from '../../src/destinations/catalog/layout.ts';
import { loadFromPackage } from '../../src/destinations/catalog/package.ts';
import { catalogFolder, catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';

const all = catalogSummaries().map(({ type }) => readCatalogDocument(type)!);
const documents = all.filter(({ folder }) => folder !== null);
const find = (type: string): CatalogDocument => documents.find((document) => document.type === type)!;
const action = (type: string, name: string) => find(type).actions.find((one) => one.name === name)!;

describe('the files of the catalog', () => {
  let made: ReadonlyMap<string, string>;
  beforeAll(() => {
    made = generateCatalog();
  }, 240_000);

  test('are what `npm run catalog:index` makes of the package that is installed', () => {
    const kept = readdirSync(catalogFolder).toSorted();
    expect(kept).toEqual([...made.keys()].toSorted());
    const stale = kept.filter(
      (name) => readFileSync(new URL(name, catalogFolder), 'utf8') !== made.get(name),
    );
    expect(stale, 'run npm run catalog:index').toEqual([]);
  });

  test('hold every cloud definition of the package, under names of their own', () => {
    expect(documents).toHaveLength(214);
    expect(new Set(documents.map(({ type }) => type)).size).toBe(214);
    expect(new Set(documents.map(({ segmentId }) => segmentId)).size).toBe(214);
    expect(documents.flatMap(({ actions }) => actions)).toHaveLength(601);
    expect(all.filter(({ folder }) => folder === null).map(({ type }) => type)).toEqual([
      'webhook',
      'segment',
    ]);
    expect(new Set(all.map(({ type }) => type)).size).toBe(216);
  });
});

describe('an entry', () => {
  const everyField = (fields: readonly Field[]): Field[] =>
    fields.flatMap((field) => [field, ...everyField(field.fields ?? [])]);

  test('marks every setting as secret, whatever the package calls it', () => {
    const settings = documents.flatMap(({ settings, audience }) => [
      ...settings,
      ...(audience?.settings ?? []),
    ]);
    expect(settings.length).toBeGreaterThan(490);
    expect(settings.filter(({ secret }) => secret !== true)).toEqual([]);
  });

  test('keeps texts, choices, defaults and conditions of settings', () => {
    const settings = find('actions-kafka').settings;
    const mechanism = settings.find(({ name }) => name === 'mechanism');
    expect(mechanism).toMatchObject({ type: 'string', required: true, label: 'Authentication Mechanism' });
    expect(mechanism?.choices?.map(({ value }) => value)).toContain('scram-sha-512');
    expect(settings.find(({ name }) => name === 'accessKeyId')?.dependsOn).toEqual({
      match: 'all',
      conditions: [{ field: 'mechanism', operator: 'is', value: 'aws' }],
    });
    const password = find('actions-sftp').settings.find(({ name }) => name === 'sftp_password');
    expect(password?.required).toMatchObject({ conditions: [{ field: 'auth_type', value: 'password' }] });
  });

  test('tells how an action batches', () => {
    expect(action('actions-mixpanel', 'trackEvent').batch).toEqual({
      keys: [],
      defaultSize: 1000,
      maximumSize: 2000,
      maximumBytes: null,
      enabledByDefault: true,
    });
    expect(action('actions-kafka', 'send').batch).toMatchObject({
      keys: ['topic', 'partition', 'default_partition'],
      maximumBytes: 1_000_000,
    });
    expect(action('actions-amplitude', 'logEventV2').batch).toBeNull();
    expect(documents.filter(({ actions }) => actions.some(({ batch }) => batch !== null))).toHaveLength(93);
  });

  test('has every trigger, mapping, hook and dynamic field of the package', () => {
    const { presets = [], actions } = loadFromPackage('braze');
    const braze = find('actions-braze-cloud');
    expect(braze.presets.map(({ name }) => name)).toEqual(
      presets.filter(({ type }) => type === 'automatic').map(({ name }) => name),
    );
    expect(braze.presets[0]?.mapping).toEqual(presets[0]?.mapping);
    expect(braze.eventPresets.map(({ event }) => event)).toContain('journeys_step_entered_track');
    expect(action('actions-braze-cloud', 'upsertCatalogItem').hooks[0]?.name).toBe('onMappingSave');
    expect(action('actions-braze-cloud', 'triggerCampaign').dynamicFields).toEqual(['campaign_id']);
    expect(braze.actions.map(({ trigger }) => trigger)).toEqual(
      Object.values(actions).map(({ defaultSubscription }) => defaultSubscription ?? null),
    );
  });

  test('has no preset of an action that the package does not have', () => {
    for (const { type, actions, presets, eventPresets } of documents) {
      const names = actions.map(({ name }) => name);
      for (const preset of [...presets, ...eventPresets]) expect(names, type).toContain(preset.action);
    }
  });

  test('tells what does not go through the shared client', () => {
    const others = documents.filter(({ connections }) => !connections.shared);
    expect(Object.fromEntries(others.map(({ type, connections }) => [type, connections.by]))).toEqual({
      'actions-acoustic': ['@aws-sdk/client-s3'],
      'actions-amazon-eventbridge': ['@aws-sdk/client-eventbridge'],
      'actions-aws-kinesis': ['@aws-sdk/client-kinesis', '@aws-sdk/client-sts'],
      'actions-kafka': ['kafkajs'],
      'actions-liveramp-audiences': ['@aws-sdk/client-s3', 'ssh2-sftp-client'],
      'actions-responsys': ['createRequestClient'],
      'actions-s3': ['@aws-sdk/client-s3', '@aws-sdk/client-sts'],
      'actions-s3-csv': ['@aws-sdk/client-s3', '@aws-sdk/client-sts'],
      'actions-salesforce': ['createRequestClient'],
      'actions-sftp': ['ssh2-sftp-client'],
      'actions-the-trade-desk-crm': ['@aws-sdk/client-s3'],
    });
  });

  test('tells features and environment variables that its code asks for', () => {
    expect(find('actions-mixpanel').features).toEqual(['mixpanel-multistatus']);
    expect(find('actions-braze-cohorts').environment).toEqual([
      'BRAZE_COHORTS_PARTNER_API_KEY_EU',
      'BRAZE_COHORTS_PARTNER_API_KEY_US',
    ]);
    expect(find('actions-slack').environment).toEqual([]);
  });

  test('says why it can never be connected here', () => {
    const never = documents.filter(({ obstacle }) => obstacle !== null).map(({ type }) => type);
    expect(never).toEqual([
      'actions-amazon-eventbridge',
      'actions-google-data-manager',
      'actions-liveramp-audiences',
      'actions-noop',
      'actions-segment',
      'actions-segment-profiles',
      'actions-the-trade-desk-crm',
      'actions-twilio-messaging-omnichannel',
      'yotpo-actions',
    ]);
  });

  test('names actions that reach people or take something away', () => {
    const having = (effect: 'message' | 'deletion') =>
      documents.flatMap(({ type, actions }) =>
        actions
          .filter(({ sideEffects }) => sideEffects.includes(effect))
          .map(({ name }) => `${type}/${name}`),
      );
    expect(having('message')).toEqual(
      expect.arrayContaining([
        'actions-twilio/sendSMS',
        'actions-slack/postToChannel',
        'actions-sendgrid/sendEmail',
      ]),
    );
    expect(having('message')).toHaveLength(23);
    expect(having('deletion')).toEqual(
      expect.arrayContaining(['actions-customerio/deletePerson', 'actions-klaviyo/unsubscribeProfile']),
    );
    expect(having('deletion')).toHaveLength(24);
    expect(action('actions-google-analytics-4', 'removeFromCart').sideEffects).toEqual([]);
    expect(action('actions-customerio', 'unsuppressPerson').sideEffects).toEqual([]);
  });

  test('has names for all its fields, and fields only below objects', () => {
    for (const { type, actions } of documents) {
      const fields = everyField(actions.flatMap((one) => one.fields));
      expect(
        fields.filter(({ name, label }) => name === '' || label === undefined),
        type,
      ).toEqual([]);
      expect(
        fields.filter((field) => field.fields !== undefined && field.type !== 'object'),
        type,
      ).toEqual([]);
    }
  });
});

test('every folder that is given a category is one of the package', () => {
  const folders = documents.map(({ folder }) => folder);
  expect(categorised.filter((folder) => !folders.includes(folder))).toEqual([]);
  expect(new Set(categorised).size).toBe(categorised.length);
});

test('what is laid out is the same JSON', () => {
  const long = 'x'.repeat(150);
  const value = { a: [1, { b: long, c: [] }], 'd"': null, e: {} };
  expect(JSON.parse(laidOut(value))).toEqual(value);
  expect(laidOut({ a: 1 })).toBe('{"a":1}');
  expect(laidOut([long, 1])).toBe(`[\n "${long}",\n 1\n]`);
});
