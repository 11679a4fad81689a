import type { Answer, Recorded } from './internet.ts';

const environment: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-of-the-deployment',
  AMAZON_S3_ACTIONS_ROLE_ADDRESS: 'arn:aws:iam::111111111111:role/reprise',
  AMAZON_S3_ACTIONS_EXTERNAL_ID: 'an-external-id-of-the-deployment',
  AMAZON_KINESIS_ACTIONS_ROLE_ADDRESS: 'arn:aws:iam::111111111111:role/reprise',
  AMAZON_KINESIS_ACTIONS_EXTERNAL_ID: 'an-external-id-of-the-deployment',
};

/** What of these, and of the session that is begun with them, nobody may be told. */
export const awsSecrets: readonly string[] = [
  'a-secret-of-the-deployment',
  'an-external-id-of-the-deployment',
  'a-secret-of-the-role',
  'a-session-of-the-role',
];

/** Gives this process, and those that it starts from then on, credentials of AWS. */
export function giveCredentials(): void {
  // oxlint-disable-next-line node/no-process-env -- it is where clients of AWS find them
  Object.assign(process.env, environment);
}

/** Takes them away again. */
export function takeCredentials(): void {
  // oxlint-disable-next-line node/no-process-env -- see above
  for (const name of Object.keys(environment)) Reflect.deleteProperty(process.env, name);
}

const role = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>a-secret-of-the-role</SecretAccessKey>
<SessionToken>a-session-of-the-role</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`;

/** As AWS answers when all is well; null: it is not asked. */
export function awsAnswer({ url, body }: Recorded): Answer | null {
  const { hostname } = new URL(url);
  if (!hostname.endsWith('.amazonaws.com')) return null;
  if (hostname.startsWith('sts.'))
    return { status: 200, headers: { 'content-type': 'text/xml' }, body: role };
  if (!hostname.startsWith('kinesis.')) return { status: 200, headers: { etag: '"1"' }, body: '' };
  const { Records: records } = JSON.parse(body.toString()) as { readonly Records: readonly unknown[] };
  const taken = records.map((_, index) => ({ SequenceNumber: String(index), ShardId: 'shardId-0' }));
  return {
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ FailedRecordCount: 0, Records: taken }),
  };
}

/** An error as the services of XML tell it. */
export const awsError = (status: number, code: string, message = 'no'): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
});
