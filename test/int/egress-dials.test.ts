import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { loadDefinition } from '../../src/destinations/registry.ts';
import { awsAnswer, giveCredentials } from '../support/aws-answers.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import {
  kinesisAccount,
  s3Account,
  sftpAccount,
  type DiallingAccount,
} from '../support/dialling-accounts.ts';
import { noteDials } from '../support/dials.ts';
import { actionId, guardedContext } from '../support/guarded-context.ts';
import { forbiddenV4, forbiddenV6, publicAddresses } from '../support/hostile-addresses.ts';
import {
  hostileAddressesOf,
  hostileHosts,
  hostileLiterals,
  hostileNames,
  hostilePorts,
  hostileUrls,
} from '../support/hostile-urls.ts';
import { openInternet, type Answer, type Recorded } from '../support/internet.ts';

// Definitions that dial by themselves: their sockets are made by this process for the code in the child. What would be
// dialled is noted below the guard; only a public service, which is on this machine, is reached.
giveCredentials();
const service = '203.208.60.1';
let answer: (request: Recorded) => Answer | null = awsAnswer;
let leads: (name: string) => readonly string[] = () => [service];
const internet = await openInternet((request) => answer(request) ?? { status: 404, body: '' });
const isAws = (name: string) => name.endsWith('.amazonaws.com');
const dials = noteDials((name) => (isAws(name) ? leads(name) : hostileAddressesOf(name)), {
  address: service,
  port: 443,
});
afterAll(() => internet.close());
beforeEach(() => {
  answer = awsAnswer;
  leads = () => [service];
  internet.taken();
  dials.taken();
});

const iamRole = 'arn:aws:iam::222222222222:role/theirs';
const sftp = (host: string, port: unknown = 22) => sftpAccount(port, { sftp_host: host });
const s3 = (more: DiallingAccount['settings'] = {}) => s3Account(iamRole, 'an-external-id', more);
const kinesis = (more: DiallingAccount['mapping'] = {}) => kinesisAccount(iamRole, 'an-external-id', more);

const event = deliveryOf('{"type":"track","event":"E","messageId":"m"}', { actionId });
const contextOf = ({ mapping, action }: DiallingAccount) => ({
  ...guardedContext(mapping, action),
  destinationId: randomUUID(),
});

/** @returns what was dialled for it and may not be */
async function dialledFor(account: DiallingAccount): Promise<string[]> {
  const sender = (await loadDefinition(account.type))!.open(account.settings, contextOf(account));
  const [outcome] = await sender.send([event], openGate);
  await sender.close();
  const wrong = dials.taken().filter((address) => address !== service && !publicAddresses.includes(address));
  if (outcome!.kind === 'delivered') wrong.push('delivered');
  return wrong.map((one) => `${JSON.stringify([account.settings, account.mapping])}: ${one}`);
}

const ports = hostilePorts.map((one) => Number(one.split(':')[1])).filter((port) => port !== 22);
const hosts: readonly (readonly [host: string, port: unknown])[] = [
  ...[...hostileHosts, ...hostileNames].map((host) => [host, 22] as const),
  ...[...ports, 0, -1, 65_536, 22.5, '22 ', '/tmp/socket'].map((port) => ['8.8.8.8', port] as const),
];

test('SFTP: none of a thousand hosts is dialled by a delivery', { timeout: 240_000 }, async () => {
  expect(hosts.length).toBeGreaterThan(1_000);
  const wrong: string[] = [];
  for (const [host, port] of hosts) wrong.push(...(await dialledFor(sftp(host, port))));
  expect(wrong).toEqual([]);
});

test('SFTP: saving refuses what is an address in any spelling, this machine, and ports of other services', async () => {
  const definition = (await loadDefinition('actions-sftp'))!;
  const told = [...hostileHosts.map((host) => [host, 22]), ...ports.map((port) => ['8.8.8.8', port])];
  const taken = told.filter(
    ([host, port]) => definition.check(sftp(host as string, port).settings, []).length === 0,
  );
  expect(taken).toEqual([]);
  for (const host of ['files.example.com', 'a_b.example.com', '8.8.8.8', '2606:4700:4700::1111'])
    for (const port of [22, 2222, 8022]) expect(definition.check(sftp(host, port).settings, [])).toEqual([]);
});

test('SFTP: a test dials none of them', { timeout: 240_000 }, async () => {
  const definition = (await loadDefinition('actions-sftp'))!;
  // Each address in one of its spellings, each kind of name: a test starts a process of its own.
  const spellings = hostileLiterals.length / forbiddenV4.length;
  const some = [...hostileLiterals.filter((_, index) => index % spellings === index % 7), ...hostileNames]
    .filter((_, index) => index % 25 === 0)
    .concat('localhost', '::1', 'fd00:ec2::254');
  for (const host of some) {
    expect(await definition.test(sftp(host).settings, { egress: [] }), host).toMatchObject({ ok: false });
    const wrong = dials.taken().filter((address) => !publicAddresses.includes(address));
    expect(wrong, host).toEqual([]);
  }
  expect(some.length).toBeGreaterThan(10);
});

test('a preview of any of them dials nothing', { timeout: 240_000 }, async () => {
  const accounts = [
    ...hosts.map(([host, port]) => sftp(host, port)).filter((_, index) => index % 200 === 0),
    s3(),
    kinesis(),
  ];
  leads = () => ['127.0.0.1'];
  for (const account of accounts) {
    const [shown] = await (await loadDefinition(account.type))!.preview(
      account.settings,
      contextOf(account),
      [event],
    );
    expect(shown!.complete, JSON.stringify(account.settings)).toBe(false);
    expect(dials.taken()).toEqual([]);
  }
});

test('SFTP, S3 and Kinesis dial what is public', async () => {
  for (const [index, address] of publicAddresses.entries()) {
    for (const host of [address, `open-${index}.example.com`]) {
      const { type, settings, ...given } = sftp(host);
      const sender = (await loadDefinition(type))!.open(settings, contextOf({ type, settings, ...given }));
      await sender.send([event], openGate);
      await sender.close();
      expect(dials.taken(), host).toContain(address);
    }
  }
  for (const account of [s3(), kinesis()]) {
    const sender = (await loadDefinition(account.type))!.open(account.settings, contextOf(account));
    expect(await sender.send([event], openGate)).toEqual([{ kind: 'delivered' }]);
    await sender.close();
    expect(dials.taken()).toEqual([service, service, service]);
  }
});

const stages: readonly (readonly [account: DiallingAccount, host: RegExp])[] = [
  [s3(), /^sts\./],
  [s3(), /\.s3\./],
  [kinesis(), /^sts\./],
  [kinesis(), /^kinesis\./],
];
const everyThird = [...forbiddenV4, ...forbiddenV6].filter((_, index) => index % 3 === 0);
const kinds = ['always', 'among others', 'at the second time'] as const;

test.each(kinds)(
  'hosts of AWS that lead %s to where nobody may go are not dialled there',
  { timeout: 240_000 },
  async (kind) => {
    for (const [account, host] of stages) {
      for (const forbidden of everyThird) {
        let asked = 0;
        leads = (name) => {
          if (!host.test(name)) return [service];
          if (kind === 'among others') return [forbidden, publicAddresses[0]!];
          return [kind === 'always' || asked++ > 0 ? forbidden : publicAddresses[0]!];
        };
        expect(await dialledFor(account), `${host} ${forbidden}`).toEqual([]);
      }
    }
  },
);

test(
  'regions, buckets and streams lead to no other host than those of AWS',
  { timeout: 240_000 },
  async () => {
    const asked = new Set<string>();
    leads = (name) => {
      asked.add(name);
      return [service];
    };
    const parts = [
      ...hostileLiterals,
      'evil.example.com/',
      'evil.example.com#',
      'a@evil.example.com:443/',
      '..',
      ' ',
    ];
    for (const part of parts.filter((_, index) => index % 17 === 0 || index > hostileLiterals.length)) {
      for (const account of [
        s3({ s3_aws_region: part }),
        s3({ s3_aws_bucket_name: part }),
        s3({ s3_aws_bucket_name: `arn:aws:s3:${part}:123456789012:accesspoint/${part}` }),
        kinesis({ awsRegion: part }),
        kinesis({ streamName: part }),
      ]) {
        const sender = (await loadDefinition(account.type))!.open(account.settings, contextOf(account));
        await sender.send([event], openGate);
        await sender.close();
        expect(
          dials.taken().filter((address) => address !== service),
          part,
        ).toEqual([]);
      }
    }
    expect([...asked].filter((name) => !isAws(name))).toEqual([]);
    expect(asked.size).toBeGreaterThan(3);
  },
);

test('no redirect of AWS is followed, wherever it leads', { timeout: 240_000 }, async () => {
  let location = '';
  let host = /^$/;
  const statuses = [301, 302, 303, 307, 308];
  let answered = 0;
  answer = (request) => {
    const name = new URL(request.url).hostname;
    if (!host.test(name)) return awsAnswer(request);
    const bare = encodeURI(location)
      .replace(/^http:\/\//, '')
      .replace(/\/hook$/, '');
    return {
      status: statuses[answered++ % statuses.length]!,
      headers: {
        location: Buffer.from(location).toString('latin1'),
        'x-amz-bucket-region': bare,
        'content-type': 'application/xml',
      },
      body: `<Error><Code>PermanentRedirect</Code><Message>there</Message><Endpoint>${bare}</Endpoint><Region>${bare}</Region></Error>`,
    };
  };
  for (const [account, where] of stages) {
    host = where;
    for (location of hostileUrls.filter((_, index) => index % 16 === 0)) {
      expect(await dialledFor(account), location).toEqual([]);
      const others = internet.taken().filter(({ url }) => !isAws(new URL(url).hostname));
      expect(others).toEqual([]);
    }
  }
  expect(answered).toBeGreaterThan(150);
});
