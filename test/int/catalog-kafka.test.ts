import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEgressAllow } from '../../src/destinations/egress-address.ts';
import { newAuthority } from '../support/certificates.ts';
import * as account from '../support/kafka/account.ts';
import { body, eventOf, ways, type Sent } from '../support/kafka/account.ts';
import { kafkaUser, startKafka, type KafkaBroker } from '../support/kafka/broker.ts';
import { kafkaJars } from '../support/kafka/jars.ts';

// The protocol of Kafka is spoken by its client in a child, over connections that its parent makes, with Apache Kafka.
const jars = await kafkaJars();
if ('missing' in jars) console.log(`Skipped: ${jars.missing}`);

let kafka: KafkaBroker;
/** Whoever is dialled there is told of by the broker, and may not be dialled. */
const trap = net.createServer((socket) => void socket.destroy());
let trapped = 0;

beforeAll(async () => {
  if ('missing' in jars) return;
  trap.on('connection', () => (trapped += 1));
  await once(trap.listen(0, '127.0.0.2'), 'listening');
  kafka = await startKafka(jars.folder, { elsewhere: `127.0.0.2:${portOf(trap)}` });
  await kafka.keeper.makeTopic('events', 3);
}, 120_000);
afterAll(async () => {
  trap.close();
  await kafka?.close();
});

const portOf = (server: net.Server) => (server.address() as AddressInfo).port;

const at = (sent: Sent): Sent => ({ port: kafka.ports.password, ...sent });
const send = async (sent: Sent) => await account.send(at(sent));
const test = async (sent: Sent) => await account.test(at(sent));

const idsIn = async (topic: string) =>
  (await kafka.keeper.read(topic)).map(({ value }) => (JSON.parse(value) as { messageId: string }).messageId);
const delivered = { kind: 'delivered' };

describe.skipIf('missing' in jars)('with Apache Kafka', () => {
  it.each([
    'plain',
    'scram-sha-256',
    'scram-sha-512',
    'plain over TLS',
    'scram-sha-512 over TLS',
    'a certificate',
  ])('shown who it is by %s, it is let in and its event is there', async (way) => {
    expect(await test(ways(kafka)[way]!)).toMatchObject({ ok: true });
    const topic = `by-${way.replaceAll(' ', '-')}`;
    await kafka.keeper.makeTopic(topic);
    const outcomes = await send({ ...ways(kafka)[way], mapping: { topic }, events: [eventOf('m1')] });
    expect(outcomes).toEqual([delivered]);
    expect(await idsIn(topic)).toEqual(['m1']);
  });

  it.each([false, true])(
    'writes what the mapping makes of each event, where it says; by a replay: %s',
    async (replay) => {
      const topic = `mapped-${replay}`;
      await kafka.keeper.makeTopic(topic, 3);
      const events = Array.from({ length: 30 }, (_, index) =>
        eventOf(`m${index}`, { userId: `u${index % 5}`, part: index % 3 }),
      );
      const outcomes = await send({ events, replay, mapping: { topic, partition: { '@path': '$.part' } } });
      expect(outcomes).toEqual(events.map(() => delivered));
      const expected = events.map((event) => ({
        partition: event.part,
        key: event.userId,
        headers: { id: event.messageId },
        value: event,
      }));
      const found = await kafka.keeper.read(topic);
      expect(found.map((one) => ({ ...one, value: JSON.parse(one.value) as object }))).toMatchObject(
        expected.toSorted((one, other) => one.partition - other.partition),
      );
    },
  );

  it('events of one key stay in their order in one partition, call after call', async () => {
    await kafka.keeper.makeTopic('ordered', 3);
    for (const start of [0, 10, 20]) {
      const events = Array.from({ length: 10 }, (_, index) => eventOf(`m${start + index}`, { userId: 'u1' }));
      expect(await send({ events, mapping: { topic: 'ordered' } })).toEqual(events.map(() => delivered));
    }
    const found = await kafka.keeper.read('ordered');
    expect(new Set(found.map(({ partition }) => partition)).size).toBe(1);
    expect(await idsIn('ordered')).toEqual(Array.from({ length: 30 }, (_, index) => `m${index}`));
  });

  it('events of one call go into the topics that they name, made on demand', async () => {
    const events = ['one', 'two', 'one', 'two'].map((topic, index) => eventOf(`m${index}`, { topic }));
    const outcomes = await send({ events, mapping: { topic: { '@template': 'named-{{topic}}' } } });
    expect(outcomes).toEqual(events.map(() => delivered));
    expect((await idsIn('named-one')).toSorted()).toEqual(['m0', 'm2']);
    expect((await idsIn('named-two')).toSorted()).toEqual(['m1', 'm3']);
  });

  it('a broker of the list that is not there keeps nothing from the others', async () => {
    const gone = net.createServer();
    await once(gone.listen(0, '127.0.0.1'), 'listening');
    const port = portOf(gone);
    await once(gone.close(), 'close');
    await kafka.keeper.makeTopic('one-is-gone');
    const settings = { brokers: `127.0.0.1:${port}, 127.0.0.1:${kafka.ports.password}` };
    for (let times = 0; times < 2; times++) expect(await test({ settings })).toMatchObject({ ok: true });
    for (let times = 0; times < 6; times++) {
      const events = [eventOf(`m${times}`)];
      expect(await send({ settings, events, mapping: { topic: 'one-is-gone' } })).toEqual([delivered]);
    }
    expect(await idsIn('one-is-gone')).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
  });

  it('a broker that is far away is waited for', async () => {
    const far = net.createServer((near) => {
      const there = net.connect(kafka.ports.tls, '127.0.0.1');
      near.once('data', () => near.pause()).on('error', () => there.destroy());
      near.once('data', (first: Buffer) =>
        setTimeout(() => {
          there.write(first);
          near.pipe(there);
        }, 1_500),
      );
      there.on('error', () => near.destroy()).pipe(near);
    });
    await once(far.listen(0, '127.0.0.1'), 'listening');
    const settings = { ...ways(kafka)['plain over TLS']!.settings, brokers: `localhost:${portOf(far)}` };
    expect(await send({ settings })).toEqual([delivered]);
    far.close();
  });

  it('the topics can be chosen from', async () => {
    const told = await account.topics(at({}));
    expect(told).toMatchObject({ ok: true });
    expect(JSON.stringify(told)).toContain('"events"');
  });
});

describe.skipIf('missing' in jars)('credentials that are wrong', () => {
  const stranger = newAuthority().issue('a-client');
  const wrong = (): Readonly<Record<string, Sent>> => ({
    'a wrong password': { settings: { password: 'a-wrong-password' } },
    'a wrong password of SCRAM': { settings: { mechanism: 'scram-sha-256', password: 'a-wrong-password' } },
    'no password': { settings: { password: undefined } },
    'a certificate of somebody else': {
      settings: { ...ways(kafka)['a certificate']!.settings, ssl_key: body(stranger.key) },
    },
    'a certificate that nobody knows': {
      settings: {
        ...ways(kafka)['a certificate']!.settings,
        ssl_key: body(stranger.key),
        ssl_cert: body(stranger.cert),
      },
    },
    'a key that is none': {
      settings: {
        ...ways(kafka)['a certificate']!.settings,
        ssl_key: Buffer.from('a-thing-that-is-no-key').toString('base64'),
      },
    },
    'an authority that did not sign the broker': {
      settings: { ...ways(kafka)['plain over TLS']!.settings, ssl_ca: body(newAuthority().cert) },
    },
    'TLS where there is none': { settings: { ssl_enabled: true } },
  });

  it.each([
    'a wrong password',
    'a wrong password of SCRAM',
    'no password',
    'a certificate of somebody else',
    'a certificate that nobody knows',
    'a key that is none',
    'an authority that did not sign the broker',
    'TLS where there is none',
  ])('%s: the destination is down, which is told, and secrets are not', async (name) => {
    const sent = wrong()[name]!;
    const [outcome] = await send(sent);
    expect(outcome).toMatchObject({ kind: 'down' });
    const tested = await test(sent);
    expect(tested).toMatchObject({ ok: false });
    const { password, ssl_key: key } = account.settingsOf(at(sent));
    for (const secret of [password, key])
      if (typeof secret === 'string')
        expect(JSON.stringify([outcome, tested])).not.toContain(secret.slice(0, 20));
  });
});

describe.skipIf('missing' in jars)('what a broker refuses is refused, and nothing else is', () => {
  it('a partition that the topic does not have', async () => {
    await kafka.keeper.makeTopic('three-parts', 3);
    const events = [0, 99, 1].map((part) => eventOf(`m${part}`, { part }));
    const outcomes = await send({
      events,
      mapping: { topic: 'three-parts', partition: { '@path': '$.part' } },
    });
    expect(outcomes).toMatchObject([delivered, { kind: 'refused', failure: { status: 404 } }, delivered]);
    expect(await idsIn('three-parts')).toEqual(['m0', 'm1']);
  });

  it('an event that is too large for its topic', async () => {
    await kafka.keeper.makeTopic('small', 1, { 'max.message.bytes': '1000' });
    const large = eventOf('large', { properties: { text: 'x'.repeat(2_000) } });
    const [outcome] = await send({ events: [large], mapping: { topic: 'small' } });
    expect(outcome).toMatchObject({ kind: 'refused', failure: { status: 413 } });
    expect(await send({ events: [eventOf('small')], mapping: { topic: 'small' } })).toEqual([delivered]);
    expect(await idsIn('small')).toEqual(['small']);
  });

  it('a topic that its user may not write to', async () => {
    await kafka.keeper.makeTopic('closed');
    await kafka.keeper.close('closed', kafkaUser.name);
    const [outcome] = await send({ mapping: { topic: 'closed' } });
    expect(outcome).toMatchObject({ kind: 'refused', failure: { status: 403 } });
  });

  it('an event without a key, for a topic that is compacted by key', async () => {
    await kafka.keeper.makeTopic('compacted', 1, { 'cleanup.policy': 'compact' });
    const [outcome] = await send({ mapping: { topic: 'compacted', key: undefined } });
    expect(outcome).toMatchObject({ kind: 'refused', failure: { status: 400 } });
  });

  it('a name that no topic can have', async () => {
    const [outcome] = await send({ mapping: { topic: 'no topic!' } });
    expect(outcome).toMatchObject({ kind: 'refused', failure: { status: 400 } });
  });
});

describe.skipIf('missing' in jars)('an address that may not be dialled', () => {
  it('is not, when a broker says that another broker is there', async () => {
    const sent = { port: kafka.ports.elsewhere, egress: parseEgressAllow(['127.0.0.1']) };
    const [outcome] = await send(sent);
    expect(outcome).toMatchObject({ kind: 'down', failure: { errorClass: 'egress_refused' } });
    expect(JSON.stringify(outcome)).toContain('127.0.0.2');
    expect(trapped).toBe(0);
    await send({ port: kafka.ports.elsewhere }); // where it may be dialled it is
    expect(trapped).toBeGreaterThan(0);
  });
});

it.skipIf('missing' in jars)(
  'what was taken for delivered is there after the broker was killed amid it, and the rest can be sent again',
  { timeout: 120_000 },
  async () => {
    await kafka.keeper.makeTopic('killed', 3);
    const lanes = Array.from({ length: 4 }, (_, lane) =>
      Array.from({ length: 8 }, (_batch, batch) =>
        Array.from({ length: 50 }, (_event, index) =>
          eventOf(`m${lane}-${batch}-${index}`, { userId: `u${index}` }),
        ),
      ),
    );
    const taken = new Set<string>();
    let killing: Promise<void> | undefined;
    /** @returns what was not delivered */
    const sendAll = async (batches: (typeof lanes)[number]) => {
      const left: typeof batches = [];
      for (const events of batches) {
        const outcomes = await send({ events, mapping: { topic: 'killed' } });
        for (const [index, { kind }] of outcomes.entries()) {
          if (kind === 'delivered') taken.add(events[index]!.messageId);
          else expect(['failed', 'down']).toContain(kind);
        }
        if (outcomes.some(({ kind }) => kind !== 'delivered')) left.push(events);
        else killing ??= kafka.kill();
      }
      return left;
    };
    const left = (await Promise.all(lanes.map(sendAll))).flat();
    await killing;
    expect(left.length).toBeGreaterThan(0);
    const [outcome] = await send({ mapping: { topic: 'killed' } });
    expect(outcome).toMatchObject({ kind: 'down', failure: { errorClass: 'connection_refused' } });
    await kafka.start(false);
    const found = new Set(await idsIn('killed'));
    for (const id of taken) expect(found).toContain(id);
    expect(await sendAll(left)).toEqual([]);
    const all = lanes.flat(2).map(({ messageId }) => messageId);
    expect(new Set(await idsIn('killed'))).toEqual(new Set(all));

    const [unknown] = await send({ mapping: { topic: 'never-made' } });
    expect(unknown).toMatchObject({ kind: 'refused', failure: { status: 404 } });
  },
);
