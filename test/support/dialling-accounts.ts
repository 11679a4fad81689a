import { sftpUser } from './sftp-server.ts';

type Fields = Readonly<Record<string, unknown>>;

/** An account of a type whose code dials by itself, with the mapping of the action that is sent through. */
export interface DiallingAccount {
  readonly type: string;
  readonly action: string;
  readonly settings: Fields;
  readonly mapping: Fields;
}

const file = {
  columns: { message_id: { '@path': '$.messageId' } },
  delimiter: ',',
  file_extension: 'csv',
  filename_prefix: 'f',
  enable_batching: true,
};

/** What the action of Kinesis is sent: each event as a record of its own. */
export const kinesisMapping = {
  payload: { '@path': '$.' },
  partitionKey: { '@path': '$.messageId' },
  streamName: 'their-stream',
  awsRegion: 'us-east-1',
  max_batch_size: 500,
  batch_bytes: 1_000_000,
  enable_batching: true,
};

/** Settings for a server of SFTP on loopback, by the password of its user. @param more in place of these */
export const sftpSettings = (port: unknown, more: Fields = {}) => ({
  auth_type: 'password',
  sftp_host: '127.0.0.1',
  sftp_port: port,
  sftp_username: sftpUser.name,
  sftp_password: sftpUser.password,
  uploadStrategy: 'standard',
  ...more,
});

/** @param settings in place of those for loopback */
export const sftpAccount = (port: unknown, settings: Fields = {}): DiallingAccount => ({
  type: 'actions-sftp',
  action: 'syncEvents',
  settings: sftpSettings(port, settings),
  mapping: { ...file, sftp_folder_path: '/in', batch_size: 1_000 },
});

/** A bucket that is written to by a role. @param settings in place of these */
export const s3Account = (role: string, externalId: string, settings: Fields = {}): DiallingAccount => ({
  type: 'actions-s3',
  action: 'syncToS3',
  settings: {
    iam_role_arn: role,
    iam_external_id: externalId,
    s3_aws_bucket_name: 'their-bucket',
    s3_aws_region: 'eu-west-1',
    ...settings,
  },
  mapping: file,
});

/** A stream that is written to by a role. @param mapping in place of its own */
export const kinesisAccount = (role: string, externalId: string, mapping: Fields = {}): DiallingAccount => ({
  type: 'actions-aws-kinesis',
  action: 'send',
  settings: { iamRoleArn: role, iamExternalId: externalId },
  mapping: { ...kinesisMapping, ...mapping },
});
