import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { packageDestination } from '../../src/destinations/catalog/definition.ts';
import { parseEgressAllow, type EgressAllow } from '../../src/destinations/egress-address.ts';
import { loadDefinition } from '../../src/destinations/registry.ts';
import { awsAnswer, awsError, giveCredentials, takeCredentials } from '../support/aws-answers.ts';
import { usable } from '../support/catalog-engine.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { kinesisMapping } from '../support/dialling-accounts.ts';
import { openInternet, type Answer, type Recorded } from '../support/internet.ts';

// Clients of AWS open connections of their own. Here all hosts of AWS are on this machine; TLS is checked as anywhere.
giveCredentials();
let answer: (request: Recorded) => Answer | null = awsAnswer;
const internet = await openInternet((request) => answer(request) ?? { status: 404, body: '' });
afterAll(() => internet.close());
afterEach(() => {
  answer = awsAnswer;
  internet.taken();
});

const loopback = parseEgressAllow(['127.0.0.0/8']);
const actionId = randomUUID();
const event = JSON.stringify({
  type: 'track',
  event: 'Order Completed',
  userId: 'u1',
  messageId: 'm1',
  timestamp: '2026-01-05T10:00:00.000Z',
  properties: { total: 3 },
});
const secret = 'an-external-id-that-is-secret';
const s3 = {
  type: 'actions-s3',
  action: 'syncToS3',
  settings: {
    iam_role_arn: 'arn:aws:iam::222222222222:role/theirs',
    iam_external_id: secret,
    s3_aws_bucket_name: 'their-bucket',
    s3_aws_region: 'eu-west-1',
  },
};
const kinesis = {
  type: 'actions-aws-kinesis',
  action: 'send',
  settings: { iamRoleArn: 'arn:aws:iam::222222222222:role/theirs', iamExternalId: secret },
};
const mappings: Readonly<Record<string, Record<string, unknown>>> = {
  'actions-s3': {
    columns: { message_id: { '@path': '$.messageId' }, event_name: { '@path': '$.event' } },
    delimiter: ',',
    file_extension: 'csv',
    enable_batching: true,
  },
  'actions-aws-kinesis': kinesisMapping,
};

async function opened(
  { type, action, settings }: typeof s3 | typeof kinesis,
  egress: EgressAllow = loopback,
) {
  const definition = (await loadDefinition(type))!;
  const actions = [{ actionId, action, mapping: mappings[type]! }];
  const context = { egress, destinationId: randomUUID(), replay: false, actions };
  return { definition, settings, context };
}

async function send(account: typeof s3 | typeof kinesis, count = 1, egress = loopback): Promise<Outcome[]> {
  const { definition, settings, context } = await opened(account, egress);
  const sender = definition.open(settings, context);
  try {
    return await sender.send(
      Array.from({ length: count }, () => deliveryOf(event, { actionId })),
      openGate,
    );
  } finally {
    await sender.close();
  }
}

const hostsOf = (requests: readonly Recorded[]) => requests.map(({ url }) => new URL(url).hostname);
const isOf = (service: string) => (request: Recorded) =>
  new URL(request.url).hostname.split('.').includes(service);

it('a batch is a file in the bucket, put there in the role of its owner', async () => {
  expect(await send(s3, 3)).toMatchObject(Array.from({ length: 3 }, () => ({ kind: 'delivered' })));
  const requests = internet.taken();
  expect(hostsOf(requests)).toEqual([
    'sts.eu-west-1.amazonaws.com',
    'sts.eu-west-1.amazonaws.com',
    'their-bucket.s3.eu-west-1.amazonaws.com',
  ]);
  expect(requests[1]!.body.toString()).toContain(encodeURIComponent(s3.settings.iam_role_arn));
  expect(requests[2]).toMatchObject({ method: 'PUT' });
  expect(requests[2]!.body.toString().match(/m1/g)).toHaveLength(3);
});

it('a row of an audience that is written alone stands once in its file', async () => {
  const { document, settings, mapping } = usable('actions-s3-csv', 'syncAudienceToCSV', {
    enable_batching: false,
    messageId: { '@path': '$.messageId' },
    audienceName: 'buyers',
    audienceId: 'a1',
    spaceId: 's1',
    integrationsObject: {},
    computation_class: 'audience',
    propertiesOrTraits: { '@path': '$.properties' },
    columns: { message_id: 'message_id' },
  });
  const sender = packageDestination(document).open(
    { ...s3.settings, ...settings },
    {
      egress: loopback,
      destinationId: randomUUID(),
      replay: false,
      actions: [{ actionId, action: 'syncAudienceToCSV', mapping }],
    },
  );
  onTestFinished(() => sender.close());
  const outcomes = await sender.send([deliveryOf(event, { actionId })], openGate);
  expect(outcomes).toEqual([{ kind: 'delivered' }]);
  const file = internet.taken().find(({ method }) => method === 'PUT')!;
  expect(file.body.toString().match(/m1/g)).toHaveLength(1);
});

it('records of Kinesis that are refused are told from those that are taken', async () => {
  answer = (request) =>
    isOf('kinesis')(request)
      ? {
          status: 200,
          body: JSON.stringify({
            FailedRecordCount: 2,
            Records: [
              { SequenceNumber: '1', ShardId: 's' },
              { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'slow down' },
              { ErrorCode: 'InternalFailureException', ErrorMessage: 'oh' },
            ],
          }),
        }
      : awsAnswer(request);
  expect((await send(kinesis, 3)).map(({ kind }) => kind)).toEqual(['delivered', 'throttled', 'failed']);
});

const kinesisError = (status: number, name: string): Answer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': name },
  body: JSON.stringify({ __type: name, message: `no, ${secret}` }),
});

describe('what AWS answers', () => {
  it.each([
    ['sts', awsError(403, 'AccessDenied'), 'down', 401],
    ['sts', awsError(403, 'InvalidClientTokenId'), 'down', 401],
    ['sts', awsError(503, 'ServiceUnavailable'), 'failed', 503],
    ['s3', awsError(403, 'AccessDenied'), 'refused', 403],
    ['s3', awsError(403, 'InvalidAccessKeyId'), 'down', 401],
    ['s3', awsError(404, 'NoSuchBucket'), 'refused', 404],
    ['s3', awsError(503, 'SlowDown'), 'throttled', 429],
    ['s3', awsError(500, 'InternalError', secret), 'failed', 500],
  ])('%s: %o is %s', { timeout: 60_000 }, async (service, said, kind, status) => {
    answer = (request) => (isOf(service)(request) ? said : awsAnswer(request));
    const [outcome] = await send(s3);
    expect(outcome).toMatchObject({ kind, failure: { status } });
    expect(JSON.stringify(outcome)).not.toContain(secret);
  });

  it.each([
    [kinesisError(400, 'ProvisionedThroughputExceededException'), 'throttled', 429],
    [kinesisError(400, 'UnrecognizedClientException'), 'down', 401],
    [kinesisError(400, 'ResourceNotFoundException'), 'refused', 400],
    [kinesisError(500, 'InternalFailureException'), 'failed', 500],
  ])('Kinesis: %o is %s', { timeout: 60_000 }, async (said, kind, status) => {
    answer = (request) => (isOf('kinesis')(request) ? said : awsAnswer(request));
    const [outcome] = await send(kinesis);
    expect(outcome).toMatchObject({ kind, failure: { status } });
    expect(JSON.stringify(outcome)).not.toContain(secret);
  });
});

it('what its client itself refuses is told as that, not as a connection that broke off', async () => {
  const [outcome] = await send({ ...s3, settings: { ...s3.settings, s3_aws_bucket_name: 'a/b' } });
  expect(outcome).toMatchObject({ failure: { message: expect.stringContaining('AWS PUT') } });
});

it('hosts of AWS that lead to a private address are not dialled', async () => {
  for (const account of [s3, kinesis]) {
    expect(await send(account, 1, [])).toMatchObject([
      { kind: 'down', failure: { errorClass: 'egress_refused' } },
    ]);
  }
  expect(internet.taken()).toEqual([]);
});

describe('a test of the credentials', () => {
  it('assumes the role', async () => {
    const { definition, settings } = await opened(kinesis);
    expect(await definition.test(settings, { egress: loopback })).toMatchObject({ ok: true });
    expect(hostsOf(internet.taken())).toEqual(['sts.us-west-2.amazonaws.com', 'sts.us-west-2.amazonaws.com']);
  });

  it('says what AWS has against them', async () => {
    answer = () => awsError(403, 'AccessDenied', 'You are not authorised to assume that role.');
    const { definition, settings } = await opened(kinesis);
    expect(await definition.test(settings, { egress: loopback })).toMatchObject({
      ok: false,
      message: expect.stringContaining('not authorised to assume'),
    });
  });

  it('says that this deployment has none of its own', async () => {
    takeCredentials();
    try {
      const { definition, settings } = await opened(kinesis);
      expect(await definition.test(settings, { egress: loopback })).toMatchObject({
        ok: false,
        message: expect.stringContaining('Could not load credentials'),
      });
      expect(internet.taken()).toEqual([]);
    } finally {
      giveCredentials();
    }
  });
});

it('a preview opens no connection, and says which it would', async () => {
  const { definition, settings, context } = await opened(s3);
  const [preview] = await definition.preview(settings, context, [deliveryOf(event, { actionId })]);
  expect(preview).toMatchObject({
    payload: { columns: { message_id: 'm1' } },
    requests: [],
    connections: ['sts.eu-west-1.amazonaws.com:443'],
    complete: false,
    problem: { code: 'own_connection' },
  });
  expect(internet.taken()).toEqual([]);
});
