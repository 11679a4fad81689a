import { kafkaUser } from '../kafka/broker.ts';

/** What a type needs that its schema does not tell: values that its own code asks for, as its service has them. */
export interface GivenValues {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly mapping?: Readonly<Record<string, unknown>>;
  /** What the hooks saved that an action can send nothing without. */
  readonly saved?: Readonly<Record<string, unknown>>;
}

export const givenValues: Readonly<Record<string, GivenValues>> = {
  'actions-acoustic': {
    settings: { fileNamePrefix: 'acme_', s3_region: 'us-east-1', s3_bucket_accesspoint_alias: 'an-alias' },
    mapping: { properties: { '@path': '$.properties' }, traits: { '@path': '$.traits' } },
  },
  'actions-adjust': { settings: { default_app_token: 'abc123' } },
  'actions-braze-cloud': { saved: { catalog_name: 'a-catalog' } },
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
  'actions-linkedin-conversions': {
    mapping: { email: 'ada@example.com' },
    saved: { id: '104012' },
  },
  'actions-google-sheets': { mapping: { spreadsheet_id: 'a-sheet' } },
  'actions-pardot': { mapping: { company: 'Analytical Engines' } },
  'actions-s3': { settings: { s3_aws_region: 'us-east-1' } },
  'actions-s3-csv': { settings: { s3_aws_region: 'us-east-1' } },
  'actions-salesforce': { mapping: { company: 'Analytical Engines' } },
  'actions-salesforce-marketing-cloud': { mapping: { key: 'a-key' }, saved: { id: 'an-extension' } },
  'actions-sftp': { mapping: { sftp_folder_path: '/in' } },
  'actions-slack': { mapping: { url: 'https://hooks.slack.com/services/T1/B1/x1' } },
  'actions-snap-conversions': { settings: { pixel_id: 'a-pixel' } },
  'actions-zapier': { mapping: { url: 'https://hooks.zapier.com/hooks/catch/1/2/' } },
};
