import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import type { RunContext } from '../../src/destinations/definition.ts';
import { parseEgressAllow } from '../../src/destinations/egress-address.ts';
import { loadDefinition } from '../../src/destinations/registry.ts';
import { awsAnswer, awsSecrets, giveCredentials } from '../support/aws-answers.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import {
  kinesisAccount,
  s3Account,
  sftpAccount,
  type DiallingAccount,
} from '../support/dialling-accounts.ts';
import { actionId } from '../support/guarded-context.ts';
import { openInternet, type Answer, type Recorded } from '../support/internet.ts';
import { sftpUser, startSftpServer, type SftpOptions } from '../support/sftp-server.ts';

// Definitions that dial by themselves: the other side of their connections tells all that it was sent.
giveCredentials();
let answer: (request: Recorded) => Answer = () => ({ status: 200, body: '' });
const internet = await openInternet((request) => answer(request));
afterAll(() => internet.close());

const egress = parseEgressAllow(['127.0.0.0/8']);
const event = deliveryOf('{"type":"track","event":"E","userId":"u1","messageId":"m1"}', { actionId });

const externalId = 'canary/1+7c1f=e';
const role = 'arn:aws:iam::222222222222:role/canary-role-7c1f'; // not secret as such; what is typed is shown to nobody
const s3 = s3Account(role, externalId, { s3_aws_bucket_name: 'canary-bucket-7c1f' });
const kinesis = kinesisAccount(role, externalId);
const sftp = sftpAccount;

/** All that is said of a delivery, a preview and, if asked for, a test, each of which starts a process of its own. */
async function said({ type, action, settings, mapping }: DiallingAccount, more = false): Promise<string> {
  const definition = (await loadDefinition(type))!;
  const actions = [{ actionId, action, mapping }];
  const context: RunContext = { egress, destinationId: randomUUID(), actions, replay: false };
  const sender = definition.open(settings, context);
  const all: unknown[] = [await sender.send([event], openGate)];
  await sender.close();
  if (more) {
    all.push(await definition.test(settings, { egress }));
    all.push(await definition.preview(settings, context, [event]));
  }
  return JSON.stringify(all);
}

/** Those of the secrets that are in a text as they are, as URLs, JSON or a cut have them. */
function leaks(text: string, secrets: readonly string[]): string[] {
  return secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret), secret.slice(0, 14)])
    .filter((form) => text.includes(form))
    .map((form) => `${form} in ${text.slice(Math.max(0, text.indexOf(form) - 80), text.indexOf(form) + 60)}`);
}

const headersOf = ({ headers }: Recorded) => Object.entries(headers).join(' ');
const everything = (request: Recorded) =>
  `${request.url} ${decodeURIComponent(request.body.toString())} ${request.body.toString()} ${headersOf(request)}`;
const plain = (text: string) => text.replaceAll(/[<>&"\\]/g, ' ');
/** Texts that tell what was sent, also where the text is cut within it. */
const telling: readonly ((request: Recorded) => string)[] = [
  everything,
  headersOf,
  (request) => `${'x'.repeat(1_000 - externalId.length + 4)}${externalId} ${everything(request)}`,
  (request) => `${'x'.repeat(480)}${externalId} ${headersOf(request)}`,
  () => role.repeat(30), // what is left of it when each is hidden ends in the part that a cut has left
];
const xml = (status: number, text: string, code = 'Told'): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<ErrorResponse><Error><Code>${code}</Code><Message>${plain(text)}</Message></Error></ErrorResponse>`,
});
const bucket = (status: number, text: string, code: string): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<Error><Code>${code}</Code><Message>${plain(text)}</Message></Error>`,
});
const json = (status: number, text: string, code: string): Answer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': code },
  body: JSON.stringify({ __type: code, message: text }),
});
const records = (text: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/x-amz-json-1.1' },
  body: JSON.stringify({
    FailedRecordCount: 1,
    Records: [{ ErrorCode: 'InternalFailure', ErrorMessage: text }],
  }),
});
const stages: readonly {
  readonly name: string;
  readonly account: DiallingAccount;
  readonly host: RegExp;
  readonly failures: readonly ((text: string) => Answer)[];
}[] = [
  {
    name: 'roles',
    account: s3,
    host: /^sts\./,
    failures: [
      ...[400, 403, 404, 500].map((status) => (text: string) => xml(status, text)),
      (text) => xml(403, text, 'AccessDenied'),
      (text) => ({ status: 403, body: text }),
      (text) => ({ status: 200, body: text }),
    ],
  },
  {
    name: 'files',
    account: s3,
    host: /\.s3\./,
    failures: [
      ...['AccessDenied', 'NoSuchBucket', 'InvalidToken', 'SignatureDoesNotMatch', 'Told'].map(
        (code) => (text: string) => bucket(403, text, code),
      ),
      ...[400, 404, 409, 500].map((status) => (text: string) => bucket(status, text, 'Told')),
      (text) => ({ status: 400, body: text }),
      (text) => ({
        status: 307,
        headers: { location: `https://a.example.com/?${encodeURIComponent(text)}` },
        body: '',
      }),
    ],
  },
  {
    name: 'records',
    account: kinesis,
    host: /^kinesis\./,
    failures: [
      ...['AccessDeniedException', 'ExpiredTokenException', 'ResourceNotFoundException', 'Told'].map(
        (code) => (text: string) => json(400, text, code),
      ),
      (text) => json(500, text, 'InternalFailureException'),
      (text) => ({ status: 400, body: text }),
      records,
    ],
  },
];

test('there are 20 kinds of failures at least', () => {
  expect(stages.flatMap(({ failures }) => failures).length).toBeGreaterThanOrEqual(20);
});

test.each(stages)(
  'AWS, $name: nothing tells a secret of the account, or of the deployment',
  { timeout: 240_000 },
  async ({ account, host, failures }) => {
    const found: string[] = [];
    const secrets = [externalId, role, ...awsSecrets];
    for (const [kind, failure] of failures.entries()) {
      for (const [way, text] of telling.entries()) {
        let told = 0;
        answer = (request) => {
          if (!host.test(new URL(request.url).hostname)) return awsAnswer(request)!;
          told += 1;
          return failure(text(request));
        };
        const all = await said(account, kind === 0 && way === 0);
        expect(told, `${kind} ${way}`).toBeGreaterThan(0);
        found.push(...leaks(all, secrets).map((leak) => `${kind} ${way}: ${leak}`));
      }
    }
    expect(found).toEqual([]);
  },
);

const { name, password } = sftpUser;
const texts = [
  `${name}:${password}`,
  encodeURIComponent(`${name} ${password}`),
  JSON.stringify({ name, password }),
  `${'x'.repeat(470)}${password}`,
  `${'x'.repeat(980)}${password}${password}`,
];
const places = ['open', 'write', 'close'] as const;
const failures: readonly NonNullable<SftpOptions['fails']>[] = places.flatMap((at) =>
  [2, 3, 4, 5, 8].flatMap((code, index) => ({ at, code, message: texts[index]! })),
);

test('SFTP: nothing tells a secret that the server says', { timeout: 240_000 }, async () => {
  const found: string[] = [];
  for (const [index, fails] of failures.entries()) {
    const server = await startSftpServer({ fails });
    const all = await said(sftp(server.port), index === 0);
    expect(all, JSON.stringify(fails)).toContain('"failure"');
    found.push(...leaks(all, [name, password]));
  }
  const open = await startSftpServer();
  for (const account of [sftp(open.port), sftp(open.port, { sftp_password: `${password} and more` })])
    found.push(...leaks(await said(account, true), [name, password]));
  expect(found).toEqual([]);
  expect(open.files.size).toBe(1);
});
