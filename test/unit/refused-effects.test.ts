import { describe, expect, test } from 'vitest';
import { defaultMapping } from '../../src/destinations/catalog/compute-profile.ts';
import { completed } from '../../src/destinations/catalog/complete.ts';
import { withSyncMode } from '../../src/destinations/catalog/describe-field.ts';
import type { DescribedDefinition } from '../../src/destinations/catalog/document.ts';
import { catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { refusedEffect } from '../../src/destinations/catalog/refused-effects.ts';
import { sideEffectsOf } from '../../src/destinations/catalog/side-effects.ts';

const find = (type: string) => readCatalogDocument(type)!;
const mode = (value: string) => ({ __segment_internal_sync_mode: value });
const fromEvent = { '@path': '$.properties.value' };

/** What is said of an action whose mapping differs in some members from the definition's own. */
function effect(type: string, name: string, mapping: Record<string, unknown> = {}): string | null {
  const document = find(type);
  const action = document.actions.find((one) => one.name === name)!;
  const whole = withSyncMode({ ...defaultMapping(action), ...mapping }, action.syncMode);
  return refusedEffect(document, { action: name, mapping: whole });
}

describe('a replay may not use an action', () => {
  const salesforce = ['lead', 'customObject', 'cases', 'contact', 'opportunity', 'account'];
  test.each(salesforce)('%s of Salesforce whose mapping, or sync mode, is to delete', (name) => {
    expect(effect('actions-salesforce', name, { operation: 'delete' })).toBe(
      'Its mapping has "delete" in the field operation: it takes something away.',
    );
    expect(effect('actions-salesforce', `${name}2`, mode('delete'))).toBe(
      'Its sync mode is "delete": it takes something away.',
    );
    for (const operation of ['create', 'update', 'upsert'])
      expect(effect('actions-salesforce', name, { operation })).toBeNull();
    for (const other of ['add', 'update', 'upsert'])
      expect(effect('actions-salesforce', `${name}2`, mode(other))).toBeNull();
  });

  test.each([
    ['actions-braze-cloud', 'upsertCatalogItem', mode('delete'), mode('upsert')],
    ['actions-facebook-custom-audiences', 'sync', mode('delete'), mode('upsert')],
    ['actions-facebook-custom-audiences', 'sync', mode('mirror'), mode('upsert')],
    ['actions-google-enhanced-conversions', 'userList', mode('delete'), mode('add')],
    ['actions-google-enhanced-conversions', 'userList', mode('mirror'), mode('add')],
    [
      'actions-linkedin-audiences',
      'updateAudience',
      { dmp_user_action: 'REMOVE' },
      { dmp_user_action: 'ADD' },
    ],
    ['actions-taboola-actions', 'syncAudience', { action: 'REMOVE' }, { action: 'ADD' }],
    ['actions-launchdarkly-audiences', 'syncAudience', { audience_action: 'REMOVE' }, {}],
    ['actions-courier', 'audienceToList', { audience_action: 'REMOVE' }, { audience_action: 'ADD' }],
    ['actions-ortto', 'upsertContactProfile', { audience_update_mode: 'remove' }, {}],
    ['actions-ortto', 'trackActivity', { audience_update_mode: 'remove' }, {}],
    ['actions-dotdigital', 'addContactToList', { emailSubscriptionStatus: 'unsubscribed' }, {}],
    ['actions-dotdigital', 'addContactToList', { smsSubscriptionStatus: 'suppressed' }, {}],
    ['actions-pipedrive', 'createUpdateDeal', { status: 'deleted' }, { status: 'won' }],
    ['actions-intercom-cloud', 'identifyContact', { unsubscribed_from_emails: true }, {}],
    ['actions-qualtrics', 'addContactToXmd', { unsubscribed: 'true' }, {}],
    [
      'actions-braze-cloud',
      'updateUserProfile',
      { push_subscribe: 'unsubscribed' },
      { push_subscribe: 'opted_in' },
    ],
    ['actions-hubspot-cloud', 'upsertObject', { dissociations: [{ object_type: 'deal' }] }, {}],
    ['actions-klaviyo', 'subscribeProfile', {}, { historical_import: true }],
    ['actions-attentive', 'subscribeUser', {}, null],
    ['actions-sendgrid', 'sendEmail', {}, null],
    ['actions-customerio', 'deletePerson', {}, null],
    ['encharge-cloud-actions', 'removeTag', {}, null],
    ['actions-recombee', 'deleteBookmark', {}, null],
  ] as const)('%s %s with %j, and with %j it may', (type, name, refused, harmless) => {
    expect(effect(type, name, refused)).not.toBeNull();
    if (harmless !== null) expect(effect(type, name, harmless)).toBeNull();
  });

  test('whose value the event says, which its text tells', () => {
    expect(effect('actions-salesforce', 'lead', { operation: fromEvent })).toBe(
      'Its mapping leaves the field operation to the event, which may say "delete": it may take something away.',
    );
    expect(
      effect('actions-dotdigital', 'addContactToList', { emailSubscriptionStatus: fromEvent }),
    ).toContain('which may say "unsubscribed" or "suppressed"');
    expect(effect('actions-klaviyo', 'subscribeProfile', { historical_import: fromEvent })).toMatch(
      /^Its mapping leaves it to the event: Who is subscribed/,
    );
  });

  test.each([
    [{ '@if': { exists: fromEvent, then: 'upsert', else: 'delete' } }, '"delete" in the field operation'],
    [
      { '@if': { exists: fromEvent, then: 'upsert', else: fromEvent } },
      'leaves the field operation to the event',
    ],
    [{ '@template': 'delete' }, '"delete" in the field operation'],
    [{ '@literal': 'delete' }, '"delete" in the field operation'],
    [{ '@template': '{{properties.op}}' }, 'leaves the field operation to the event'],
    [{ '@if': { exists: fromEvent, then: 'upsert', else: 'update' } }, null],
    [{ '@template': 'upsert' }, null],
  ])('as far as %j can be known', (operation, told) => {
    const text = effect('actions-salesforce', 'contact', { operation });
    if (told === null) expect(text).toBeNull();
    else expect(text).toContain(told);
  });

  test('that takes away what stands deep in its mapping, in lists too', () => {
    const groups = (state: unknown) => ({
      subscription_groups: [
        { subscription_group_id: 'g', subscription_state: 'subscribed' },
        { subscription_state: state },
      ],
    });
    expect(effect('actions-braze-cloud', 'updateUserProfile2', groups('unsubscribed'))).not.toBeNull();
    expect(effect('actions-braze-cloud', 'updateUserProfile2', groups('subscribed'))).toBeNull();
    const each = (state: unknown) => ({
      subscription_groups: { '@arrayPath': ['$.traits.groups', { subscription_state: state }] },
    });
    expect(effect('actions-braze-cloud', 'updateUserProfile2', each('unsubscribed'))).not.toBeNull();
    expect(effect('actions-braze-cloud', 'updateUserProfile2', each('subscribed'))).toBeNull();
  });
});

test('what a definition begins with is refused only where it reaches people or takes something away by itself', () => {
  const refused = catalogSummaries().flatMap(({ type }) => {
    const document = find(type);
    return document.presets
      .filter(({ action, mapping }) => refusedEffect(document, { action, mapping }) !== null)
      .map(({ action }) => `${type}/${action}`);
  });
  expect([...new Set(refused)]).toEqual([
    'actions-attentive/subscribeUser',
    'actions-clevertap/userDelete',
    'actions-customerio/deleteDevice',
    'actions-customerio/deleteRelationship',
    'actions-customerio/deletePerson',
    'actions-customerio/deleteObject',
    'actions-customerio/suppressPerson',
    'actions-recombee/deleteCartAddition',
    'actions-recombee/deleteBookmark',
  ]);
});

test.each([
  ['eraseAll', ['deletion']],
  ['purgeUsers', ['deletion']],
  ['wipe_data', ['deletion']],
  ['GDPRErase', ['deletion']],
  ['forgetPerson', ['deletion']],
  ['deleteProduct', ['deletion']],
  ['sendPush', ['message']],
  ['notifyUser', ['message']],
  ['swipeCard', []],
  ['unforgettableMoment', []],
  ['removeFromCart', []],
  ['unsuppressPerson', []],
  ['trackEvent', []],
])('an action of one’s own that is called %s is taken for %j', (name, effects) => {
  expect(sideEffectsOf('of-mine', name)).toEqual(effects);
});

describe('a type is not called ready', () => {
  const described = find('encharge-cloud-actions');

  test('when a replay may not use some action of it', () => {
    for (const { type, replay, actions } of catalogSummaries().map(({ type }) => find(type))) {
      const { deletionsByMapping = [] } = replay.computed ?? {};
      const mayHarm =
        actions.some(({ sideEffects }) => sideEffects.length > 0) || deletionsByMapping.length > 0;
      if (mayHarm) expect(replay.readiness, type).toBe('careful');
    }
    expect(described.replay.readiness).toBe('careful');
  });

  test('as the same one without that action would be', () => {
    const { replay: _, ...rest } = described;
    const harmless: DescribedDefinition = {
      ...rest,
      actions: rest.actions.filter(({ name }) => name !== 'removeTag'),
    };
    expect(completed(harmless, null, true).replay.readiness).toBe('ready');
  });
});

test('the explanation says by which fields a mapping takes something away', () => {
  expect(find('actions-salesforce').replay.explanation).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /^With "delete" in the field operation these take something away.*: lead, customObject/,
      ),
      expect.stringMatching(/^With the sync mode "delete" these take something away.*: lead2/),
    ]),
  );
  for (const { type } of catalogSummaries()) {
    const { explanation } = find(type).replay;
    expect(new Set(explanation).size, type).toBe(explanation.length);
  }
});
