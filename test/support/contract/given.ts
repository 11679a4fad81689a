import { kafkaUser } from '../kafka/broker.ts';

/** What a type needs that its schema does not tell: values that its own code asks for, as its service has them. */
export interface GivenValues {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly mapping?: Readonly<Record<string, unknown>>;
  /** The same for one of its actions. */
  readonly actions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** What events have beside, or in the place of, what all have. */
  readonly event?: Readonly<Record<string, unknown>>;
  /** It takes nothing old: events are a minute old. */
  readonly isFresh?: true;
  /** What the hooks saved that an action can send nothing without. */
  readonly saved?: Readonly<Record<string, unknown>>;
}

const personas = (members: object) => ({ context: { personas: members } });
const subscribed = (type: string, id: string, channelType?: string) => ({
  id,
  type,
  channelType,
  isSubscribed: 'subscribed',
});
/** What Twilio's and SendGrid's own types know people by. */
const reachable = {
  external_ids: [
    subscribed('email', 'ada@example.com'),
    subscribed('phone', '+12025550123', 'sms'),
    subscribed('phone', '+12025550123', 'whatsapp'),
    subscribed('ios.push_token', 'a-push-token'),
  ],
};
/** Events of one product tell it beside the list that all have. */
const ofOneProduct = {
  properties: {
    product_id: 'p-1',
    variant: 'blue',
    price: 12.5,
    quantity: 2,
    source: 'web',
  },
};
const ofPlainCompany = { traits: { company: 'Analytical Engines' } };
const profile = {
  profile_identifiers: { 'Contact.$.email': { '@path': '$.traits.email' } },
  profile_traits: { 'Contact.$.firstName': { '@path': '$.traits.firstName' } },
};

export const givenValues: Readonly<Record<string, GivenValues>> = {
  'actions-absmartly': {
    actions: {
      trackExposure: {
        exposure: {
          publishedAt: 1767607201000,
          units: [{ type: 'user_id', uid: 'user-1' }],
          exposures: [{ name: 'an-experiment', exposedAt: 1767607201000 }],
        },
      },
    },
  },
  'actions-acoustic': {
    settings: { fileNamePrefix: 'acme_', s3_region: 'us-east-1', s3_bucket_accesspoint_alias: 'an-alias' },
    mapping: { properties: { '@path': '$.properties' }, traits: { '@path': '$.traits' } },
  },
  'actions-adjust': { settings: { default_app_token: 'abc123', default_event_token: 'def456' } },
  'actions-airship': {
    event: { properties: { address: 'ada@example.com' } },
  },
  'actions-amplitude-cohorts': { event: personas({ audience_settings: { id_type: 'BY_USER_ID' } }) },
  'actions-braze-cohorts': { mapping: { personas_audience_key: 'big_spenders' } },
  'actions-cloud-gwen': { event: { userId: '11111111-1111-4111-8111-111111111111' } },
  'actions-courier': { event: personas({ computation_class: 'journey_step' }) },
  'actions-display-video-360': {
    event: personas({ external_audience_id: 'products/DISPLAY_VIDEO_ADVERTISER/customers/1/userLists/2' }),
  },
  'actions-hubspot-cloud': {
    mapping: { company: 'Analytical Engines' },
    actions: {
      upsertCompany: { associateContact: false },
      sendCustomBehavioralEvent: { eventName: 'pe12345_ordered' },
      customEvent: { record_details: { object_type: 'contact', object_id: '12345' } },
    },
  },
  'actions-iterable-audiences': { event: personas({ external_audience_id: '123' }) },
  'actions-memora': { mapping: profile },
  'actions-memora-internal': { mapping: profile },
  'actions-mixpanel': { actions: { incrementProperties: { increment: { orders: 1 } } } },
  'actions-moloco-rmp': { event: ofOneProduct },
  'actions-optimizely-data-platform': { event: ofPlainCompany },
  'actions-ortto': { settings: { api_key: 'abc-key' } },
  'actions-ortto-audiences': { settings: { api_key: 'abc-key' } },
  'actions-pendo-audiences': { settings: { region: 'US' } },
  'actions-personas-messaging-sendgrid': {
    mapping: { send: true, bodyType: 'html', body: '<p>Hello</p>', cacheTtl: 0, bcc: '[]', method: 'post' },
    event: reachable,
  },
  'actions-personas-messaging-twilio': { mapping: { send: true, body: 'Hello' }, event: reachable },
  'actions-taboola-actions': { event: personas({ audience_settings: { account_id: 'acme' } }) },
  'actions-taguchi': { actions: { syncEvent: { target: { ref: 'user-1', email: 'ada@example.com' } } } },
  'actions-tiktok-audiences': {
    event: personas({ external_audience_id: '123', audience_settings: { advertiserId: '456' } }),
  },
  'actions-topsort': {
    event: {
      properties: {
        page: { type: 'home', pageId: 'home' },
        products: [{ product_id: 'p-1', resolvedBidId: 'b-1', id: 'p-1' }],
      },
    },
  },
  'actions-twilio-messaging': {
    mapping: {
      channel: 'SMS',
      senderType: 'Phone number',
      contentTemplateType: 'Inline',
      toPhoneNumber: { '@path': '$.context.traits.phone' },
      fromPhoneNumber: '+12025550100',
      inlineBody: 'Hello',
    },
  },
  'actions-voiceops': { mapping: { call_started_at: '1767607201' } },
  'actions-youappi-audience': {
    event: { properties: { idfa: 'an-idfa' }, traits: { idfa: 'an-idfa' } },
  },
  'actions-angler-ai': { actions: { saveCartEvent: { cartLine: { id: 'p-1', quantity: 2 } } } },
  'actions-attentive': { actions: { upsertUserAttributes: { properties: { plan: 'gold' } } } },
  'actions-blackbaud-raisers-edge-nxt': { actions: { createGift: { constituent_last: 'Lovelace' } } },
  'actions-braze-cloud': {
    actions: { upsertCatalogItem: { item: { color: 'blue' } } },
    event: ofOneProduct,
    saved: { catalog_name: 'a-catalog' },
  },
  'actions-dotdigital': {
    actions: { sendTransactionalEmail: { fromAddress: 'shop@example.com' } },
  },
  'actions-dotdigital-audiences': { event: personas({ external_audience_id: '123' }) },
  'actions-dub': { actions: { trackSale: { metadata: { order: 'o-1' } } } },
  'actions-dynamic-yield-audiences': {
    event: personas({
      audience_settings: {
        audience_name: 'Big spenders',
        identifier_type: 'email',
        dy_identifier_type: 'email',
      },
    }),
  },
  'actions-facebook-conversions-api': { event: ofOneProduct },
  'actions-first-party-dv360': {
    event: personas({ external_audience_id: '123', audience_settings: { advertiserId: '456' } }),
  },
  'actions-gameball': {
    event: {
      properties: { products: [{ product_id: 'p-1', quantity: 2, price: 12.5, taxes: 1, discount: 0 }] },
    },
  },
  'actions-google-analytics-4': { settings: { measurementId: 'G-123456' } },
  'actions-google-campaign-manager-360': {
    mapping: { requiredId: { gclid: 'a-click' }, floodlightActivityId: '1', floodlightConfigurationId: '2' },
  },
  'actions-google-enhanced-conversions': {
    settings: { conversionTrackingId: '123456789', customerId: '123-456-7890' },
    mapping: { conversion_label: 'a-label' },
  },
  'actions-kafka': {
    settings: {
      brokers: 'kafka.example.com:9092',
      mechanism: 'plain',
      username: kafkaUser.name,
      password: kafkaUser.password,
      ssl_enabled: false,
      ssl_ca: undefined,
    },
    mapping: { topic: 'events', key: { '@path': '$.userId' } },
  },
  'actions-klaviyo': {
    actions: {
      trackEvent: { profile: { email: 'ada@example.com' } },
      orderCompleted: { profile: { email: 'ada@example.com' } },
    },
  },
  'actions-koala-cloud': { event: { context: { library: { name: 'analytics-node' } } } },
  'actions-linkedin-conversions': {
    mapping: { email: 'ada@example.com' },
    saved: { id: '104012' },
    isFresh: true,
  },
  'actions-google-sheets': { mapping: { spreadsheet_id: 'a-sheet' } },
  'actions-pardot': { mapping: { company: 'Analytical Engines' } },
  'actions-qualified': { mapping: { company: 'Analytical Engines' } },
  'actions-recombee': {
    event: { properties: { product_id: 'p-1', content: { asset_id: 'p-1' } } },
    actions: {
      setViewPortionFromWatchTime: { portion: { itemId: 'p-1', totalLength: 100, watchTime: 50 } },
    },
  },
  'actions-s3': { settings: { s3_aws_region: 'us-east-1' } },
  'actions-s3-csv': { settings: { s3_aws_region: 'us-east-1' } },
  'actions-salesforce': {
    settings: { instanceUrl: 'https://acme.my.salesforce.com' },
    mapping: { company: 'Analytical Engines', customFields: { A_Field__c: 'a-value' } },
  },
  'actions-salesforce-marketing-cloud': { mapping: { key: 'a-key' }, saved: { id: 'an-extension' } },
  'actions-sendgrid': {
    actions: { sendEmail: { template_id: 'd-1', to: { email: 'ada@example.com', name: 'Ada' } } },
  },
  'actions-sftp': { mapping: { sftp_folder_path: '/in' } },
  'actions-slack': { mapping: { url: 'https://hooks.slack.com/services/T1/B1/x1' } },
  'actions-snap-conversions': { settings: { pixel_id: 'a-pixel' } },
  'actions-zapier': { mapping: { zapSubscriptionUrl: 'https://hooks.zapier.com/hooks/catch/1/2/' } },
};

/** What definitions read of a deployment's environment, and send nothing without. */
export const givenEnvironment = {
  ACTIONS_DYNAMIC_YIELD_AUDIENCES_DEV_CLIENT_SECRET: 'a-client-secret',
  DOTDIGITAL_AUDIENCES_PARTNER_SECRET: 'a-partner-secret',
};
