const email = { '@path': '$.properties.email' };

/** What a service says of a request, and what becomes of its events. */
export interface Shape {
  readonly of: string;
  readonly type: string;
  readonly action: string;
  readonly mapping?: Readonly<Record<string, unknown>>;
  /** So many events; absent: three. */
  readonly count?: number;
  /** What is answered to the request with this in its URL; all others get an empty object. */
  readonly to?: string;
  readonly said: unknown;
  /** How the events fare; one kind: all alike. */
  readonly kinds: readonly string[] | string;
  readonly why?: string;
}

const unclear = 'failed';
const emarsys = { key_field: '3', key_value: email };
const google = {
  type: 'actions-google-enhanced-conversions',
  action: 'uploadClickConversion',
  mapping: { gclid: { '@path': '$.properties.gclid' }, conversion_action: 1, email_address: '' },
  to: ':uploadClickConversions',
};
const linkedIn = {
  type: 'actions-linkedin-conversions',
  action: 'streamConversion',
  mapping: { email, conversionValue: { currencyCode: 'USD', amount: '5' } },
};
const conversions = {
  type: 'actions-google-campaign-manager-360',
  action: 'conversionUpload',
  mapping: {
    requiredId: { gclid: { '@path': '$.properties.gclid' } },
    value: 5,
    quantity: '1',
    floodlightActivityId: '1',
    floodlightConfigurationId: '2',
  },
};
const tiktok = { type: 'tiktok-conversions', action: 'reportWebEvent', count: 1 };
const pinterest = {
  type: 'actions-pinterest-conversions-api',
  action: 'reportConversionEvent',
  mapping: { app_name: 'an-app', user_data: { email: [email] } },
  count: 1,
};
const recombee = { type: 'actions-recombee', action: 'addBookmark', mapping: { itemId: 'i' } };
const hubSpot = {
  type: 'actions-hubspot-cloud',
  action: 'upsertObject',
  mapping: {
    __segment_internal_sync_mode: 'upsert',
    object_details: { object_type: 'contacts', id_field_name: 'email', id_field_value: email },
    associations: [],
    properties: {},
    sensitive_properties: {},
    association_sync_mode: 'upsert',
  },
  count: 1, // its profile sends events one by one
  to: '/batch/upsert',
};
const lists = {
  type: 'actions-iterable-lists',
  action: 'syncAudience',
  mapping: {
    email,
    segmentAudienceKey: 'is_in',
    segmentAudienceId: '7',
    traitsOrProperties: { '@path': '$.properties' },
  },
};
const reddit = { type: 'actions-reddit-conversions-api', action: 'standardEvent' };
const stackAdapt = {
  type: 'actions-stackadapt-audiences',
  action: 'forwardAudienceEvent',
  mapping: {
    traits_or_props: { '@path': '$.properties' },
    segment_computation_key: 'is_in',
    segment_computation_class: 'audience',
    segment_computation_id: 'c1',
  },
};

export const shapes: readonly Shape[] = [
  { of: 'Campaign Manager 360, without its list', ...conversions, said: {}, kinds: unclear },
  { of: 'Campaign Manager 360, an empty answer', ...conversions, said: '', kinds: unclear },
  {
    of: 'Campaign Manager 360, all well',
    ...conversions,
    said: { hasFailures: false, status: [{}, {}, {}] },
    kinds: 'delivered',
  },
  {
    of: 'Google, a blank row',
    ...google,
    said: {
      partialFailureError: { code: 3, message: 'too old' },
      results: [{ gclid: 'g' }, {}, { gclid: 'g' }],
    },
    kinds: ['delivered', 'refused', 'delivered'],
    why: 'too old',
  },
  {
    of: 'Google, all well',
    ...google,
    said: { results: [{ gclid: 'g' }, { gclid: 'g' }, { gclid: 'g' }] },
    kinds: 'delivered',
  },
  { of: 'Google, no rows', ...google, said: {}, kinds: unclear },
  {
    of: 'LinkedIn, an element that failed',
    ...linkedIn,
    said: { elements: [{ status: 201 }, { status: 422, message: 'too old' }, { status: 201 }] },
    kinds: ['delivered', 'refused', 'delivered'],
    why: '422: too old',
  },
  { of: 'LinkedIn, no elements', ...linkedIn, said: {}, kinds: unclear },
  { of: 'LinkedIn, too few', ...linkedIn, said: { elements: [{ status: 201 }] }, kinds: unclear },
  {
    of: 'Pinterest, an event that failed',
    ...pinterest,
    said: { num_events_received: 1, events: [{ status: 'failed', error_message: 'no user' }] },
    kinds: 'refused',
    why: 'failed: no user',
  },
  {
    of: 'Pinterest, an event that was processed',
    ...pinterest,
    said: { num_events_received: 1, events: [{ status: 'processed', error_message: '' }] },
    kinds: 'delivered',
  },
  { of: 'TikTok, taken', ...tiktok, said: { code: 0, message: 'OK' }, kinds: 'delivered' },
  {
    of: 'TikTok, refused',
    ...tiktok,
    said: { code: 40002, message: 'no pixel' },
    kinds: 'refused',
    why: 'code: 40002: no pixel',
  },
  { of: 'TikTok, too many', ...tiktok, said: { code: 40100, message: 'slow' }, kinds: 'throttled' },
  { of: 'TikTok, broken', ...tiktok, said: { code: 50000, message: 'oh' }, kinds: 'failed' },
  { of: 'TikTok, a token that is none', ...tiktok, said: { code: 40105, message: 'token' }, kinds: 'down' },
  { of: 'TikTok, no code', ...tiktok, said: {}, kinds: unclear },
  {
    of: 'Emarsys, contacts',
    type: 'actions-emarsys',
    action: 'upsertContact',
    mapping: { ...emarsys, write_field: { 1: 'a' } },
    said: { replyCode: 0, data: { ids: [1, 2], errors: { 'e1@example.com': { 2010: 'several' } } } },
    kinds: ['delivered', 'refused', 'delivered'],
    why: 'several',
  },
  {
    of: 'Emarsys, events',
    type: 'actions-emarsys',
    action: 'triggerEvent',
    mapping: { ...emarsys, eventid: 5 },
    said: { replyCode: 0, data: { errors: { 'e2@example.com': { 2008: 'nobody' } } } },
    kinds: ['delivered', 'delivered', 'refused'],
    why: 'nobody',
  },
  {
    of: 'Emarsys, a contact list',
    type: 'actions-emarsys',
    action: 'addToContactList',
    mapping: { ...emarsys, contactlistid: 5 },
    said: { replyCode: 0, data: { inserted_contacts: 2, errors: { 'e0@example.com': { 2008: 'nobody' } } } },
    kinds: ['refused', 'delivered', 'delivered'],
    why: 'nobody',
  },
  {
    of: 'Emarsys, all well',
    type: 'actions-emarsys',
    action: 'addToContactList',
    mapping: { ...emarsys, contactlistid: 5 },
    said: { replyCode: 0, data: { inserted_contacts: 3, errors: [] } },
    kinds: 'delivered',
  },
  {
    of: 'Emarsys, another reply code',
    type: 'actions-emarsys',
    action: 'addToContactList',
    mapping: { ...emarsys, contactlistid: 5 },
    said: { replyCode: 2004, replyText: 'Invalid key field', data: '' },
    kinds: 'refused',
    why: '2004: Invalid key field',
  },
  {
    of: 'Recombee, a request of three',
    ...recombee,
    said: [
      { code: 201, json: 'ok' },
      { code: 404, json: { error: 'no item' } },
      { code: 200, json: 'ok' },
    ],
    kinds: ['delivered', 'refused', 'delivered'],
    why: '404: no item',
  },
  { of: 'Recombee, no list', ...recombee, said: {}, kinds: unclear },
  { of: 'Recombee, one alone', ...recombee, count: 1, said: '"ok"', kinds: 'delivered' },
  {
    of: 'HubSpot, an error of a record',
    ...hubSpot,
    said: {
      status: 'COMPLETE',
      results: [],
      errors: [{ category: 'VALIDATION_ERROR', message: 'bad', context: { ids: ['e0@example.com'] } }],
    },
    kinds: 'refused',
    why: 'VALIDATION_ERROR: bad',
  },
  {
    of: 'HubSpot, an error without a name',
    ...hubSpot,
    said: { results: [], errors: [{ category: 'X', message: 'bad' }] },
    kinds: 'refused',
  },
  { of: 'HubSpot, nothing at all', ...hubSpot, said: { results: [] }, kinds: unclear },
  {
    of: 'Facebook, entries that are none',
    type: 'actions-facebook-custom-audiences',
    action: 'sync',
    mapping: { external_audience_id: '9', externalId: { '@path': '$.userId' } },
    count: 1,
    to: '/users',
    said: { num_received: 1, num_invalid_entries: 1 },
    kinds: 'refused',
  },
  {
    of: 'Iterable’s lists, somebody who is not there',
    ...lists,
    said: { successCount: 2, failCount: 1, failedUpdates: { notFoundEmails: ['e1@example.com'] } },
    kinds: ['delivered', 'refused', 'delivered'],
  },
  {
    of: 'Reddit, invalid events of several',
    ...reddit,
    said: { message: 'ok', invalid_events: [{ error_message: 'too old' }] },
    kinds: unclear,
    why: 'too old',
  },
  {
    of: 'Reddit, an invalid event',
    ...reddit,
    count: 1,
    said: { message: 'ok', invalid_events: [{ error_message: 'too old' }] },
    kinds: 'refused',
    why: 'too old',
  },
  { of: 'Reddit, none of them', ...reddit, said: { message: 'ok', invalid_events: [] }, kinds: 'delivered' },
  {
    of: 'StackAdapt, errors of the user',
    ...stackAdapt,
    count: 1,
    said: { data: { upsertProfiles: { userErrors: [{ message: 'no advertiser' }] } } },
    kinds: 'refused',
    why: 'no advertiser',
  },
  {
    of: 'StackAdapt, errors of the service',
    ...stackAdapt,
    count: 1,
    said: { errors: [{ message: 'internal' }], data: null },
    kinds: 'failed',
    why: 'internal',
  },
  {
    of: 'StackAdapt, all well',
    ...stackAdapt,
    said: { data: { upsertProfiles: { userErrors: [] } } },
    kinds: 'delivered',
  },
];

/** Services whose answers of success have to say what became of the events, or are none. */
export const strictShapes: readonly Omit<Shape, 'of' | 'said' | 'kinds'>[] = [
  conversions,
  google,
  linkedIn,
  tiktok,
  pinterest,
  recombee,
  hubSpot,
];
