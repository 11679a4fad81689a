import { afterAll, beforeEach, expect, test } from 'vitest';
import { noteDials } from '../support/dials.ts';
import { publicAddresses } from '../support/hostile-addresses.ts';
import { hostileAddressesOf, hostileHosts, hostileNames, hostilePorts } from '../support/hostile-urls.ts';
import { check, preview, send, test as ask } from '../support/kafka/account.ts';
import { kafkaUser } from '../support/kafka/broker.ts';
import { startLyingBroker } from '../support/kafka/lying-broker.ts';

// Brokers of Kafka that lead astray, or tell what they were told. What would be dialled is noted below the guard; only a
// public address is reached, at which a broker lies.
const address = '203.208.60.1';
const broker = await startLyingBroker();
const dials = noteDials(hostileAddressesOf, { address, port: broker.port });
afterAll(() => broker.close());
beforeEach(() => void dials.taken());

const there = { brokers: `${address}:9092` };
/** @returns what was dialled and may not be */
const wrong = () => dials.taken().filter((one) => one !== address && !publicAddresses.includes(one));
const ports = hostilePorts.map((one) => Number(one.split(':')[1])).filter((port) => port < 8_000);
const hosts: readonly (readonly [host: string, port: number])[] = [
  ...[...hostileHosts, ...hostileNames].map((host) => [host, 9_092] as const),
  ...[...ports, 0, -1, 65_536, 2 ** 31 - 1].map((port) => ['8.8.8.8', port] as const),
  ['/tmp/socket', 9_092],
  ['', 9_092],
  ['a\0b', 9_092],
];

/** Every eleventh, which is each kind of them: the thousand go through the same guard for other types. */
const some = hosts.filter(([host, port], index) => index % 11 === 0 || port !== 9_092 || host.length < 4);

test(
  'no host is dialled that may not be and that a broker says the others are at',
  { timeout: 240_000 },
  async () => {
    for (const [host, port] of some) {
      broker.lies = { host, port };
      const before = broker.told;
      const [outcome] = await send({ settings: there, egress: [] });
      expect(broker.told, host).toBeGreaterThan(before);
      expect(outcome!.kind, host).not.toBe('delivered');
      expect(wrong(), `${host}:${port}`).toEqual([]);
    }
  },
);

test(
  'none of them is dialled as a broker, and what is an address is refused when it is saved',
  { timeout: 240_000 },
  async () => {
    for (const [host, port] of some) {
      const [outcome] = await send({ settings: { brokers: `${host}:${port}` }, egress: [] });
      expect(outcome!.kind, host).not.toBe('delivered');
      expect(wrong(), `${host}:${port}`).toEqual([]);
    }
    for (const [host, port] of hosts.filter(([name]) => !hostileNames.includes(name)))
      expect(check({ settings: { brokers: `${host}:${port}` }, egress: [] }), `${host}:${port}`).not.toEqual(
        [],
      );
    for (const brokers of ['b.example.com:9092', 'b.example.com:9092, c.example.com:19092', '8.8.8.8:9092'])
      expect(check({ settings: { brokers }, egress: [] })).toEqual([]);
  },
);

test('what is public is dialled where a broker says that it is', async () => {
  for (const host of publicAddresses) {
    broker.lies = { host };
    await send({ settings: there, egress: [] });
    expect(dials.taken(), host).toContain(host);
  }
});

const { name, password } = kafkaUser;
const telling = [
  (sent: string) => sent,
  () => `${name}:${password}`,
  () => JSON.stringify({ name, password }),
  () => `${'x'.repeat(470)}${password}`,
  () => `${'x'.repeat(980)}${password}${password}`,
];

test('nothing tells a secret that a broker says', { timeout: 120_000 }, async () => {
  const lies = telling.flatMap((tells) => [
    { refuses: tells },
    { host: `${password}.example.com`, topic: tells },
    { host: tells('') },
  ]);
  for (const [index, some] of lies.entries()) {
    broker.lies = some;
    const all: unknown[] = await send({ settings: there, egress: [] });
    if (index === 0)
      all.push(await ask({ settings: there, egress: [] }), await preview({ settings: there, egress: [] }));
    const said = JSON.stringify(all);
    expect(said).toContain('"failure"');
    for (const secret of [name, password])
      for (const form of [secret, secret.slice(0, 14)]) expect(said, `${index}`).not.toContain(form);
  }
});
