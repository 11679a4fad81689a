import { randomUUID } from 'node:crypto';
import type { Outcome } from '../../../src/core/outcome.ts';
import type { TestResult } from '../../../src/destinations/definition.ts';
import { parseEgressAllow, type EgressAllow } from '../../../src/destinations/egress-address.ts';
import { loadDefinition } from '../../../src/destinations/registry.ts';
import { deliveryOf, openGate } from '../deliveries.ts';
import { kafkaUser, type KafkaBroker } from './broker.ts';

/** What is sent, as far as it differs from an event for the topic `events`, by a password. */
export interface Sent {
  /** Of its broker on loopback. */
  readonly port?: number;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly mapping?: Readonly<Record<string, unknown>>;
  readonly events?: readonly object[];
  readonly replay?: boolean;
  /** Default: all of loopback. */
  readonly egress?: EgressAllow;
}

const loopback = parseEgressAllow(['127.0.0.0/8', '::1']);
const action = { actionId: randomUUID(), action: 'send' };
const mapping = {
  topic: 'events',
  payload: { '@path': '$.' },
  key: { '@path': '$.userId' },
  headers: { id: { '@path': '$.messageId' } },
  batch_keys: ['topic', 'partition', 'default_partition'],
  batch_size: 1_000,
  batch_bytes: 1_000_000,
  enable_batching: true,
};

const kafkaDefinition = (await loadDefinition('actions-kafka'))!;

/** An event that says what it was sent as. */
export const eventOf = <More extends object>(id: string, more?: More) => ({
  type: 'track',
  event: 'E',
  messageId: id,
  ...more!,
});

/** The settings of a destination. */
export const settingsOf = ({ port, settings }: Sent): Readonly<Record<string, unknown>> => ({
  clientId: 'reprise',
  brokers: `127.0.0.1:${port}`,
  mechanism: 'plain',
  username: kafkaUser.name,
  password: kafkaUser.password,
  ssl_enabled: false,
  ...settings,
});

const contextOf = (sent: Sent) => ({
  egress: sent.egress ?? loopback,
  destinationId: randomUUID(),
  replay: sent.replay ?? false,
  actions: [{ ...action, mapping: { ...mapping, ...sent.mapping } }],
});
const deliveriesOf = ({ events = [eventOf(randomUUID())] }: Sent) =>
  events.map((event) => deliveryOf(JSON.stringify(event), { actionId: action.actionId }));

/** Sends events in one call. @returns what became of each */
export async function send(sent: Sent): Promise<Outcome[]> {
  const sender = kafkaDefinition.open(settingsOf(sent), contextOf(sent));
  try {
    return await sender.send(deliveriesOf(sent), openGate);
  } finally {
    await sender.close();
  }
}

/** Tests the settings. */
export const test = async (sent: Sent): Promise<TestResult> =>
  await kafkaDefinition.test(settingsOf(sent), { egress: sent.egress ?? loopback });

/** What is wrong with the settings, as whoever saves them is told. */
export const check = (sent: Sent) => kafkaDefinition.check(settingsOf(sent), sent.egress ?? loopback);

/** Asks which topics there are. */
export const topics = async (sent: Sent) =>
  await kafkaDefinition.ask!(
    settingsOf(sent),
    { egress: loopback },
    { kind: 'choices', action: 'send', hook: null, field: 'topic', payload: {} },
  );

/** Shows what would be sent. */
export const preview = async (sent: Sent) =>
  await kafkaDefinition.preview(settingsOf(sent), contextOf(sent), deliveriesOf(sent));

/** A key or certificate without its first and last line, as the definition wants it. */
export const body = (pem: string) => pem.replaceAll(/-----[A-Z ]+-----\n?/g, '').trim();

/** How the user of a broker can show who it is, by name. */
export function ways({ ports, authority }: KafkaBroker): Readonly<Record<string, Sent>> {
  const client = authority.issue('a-client');
  const overTls = { ssl_ca: body(authority.cert), brokers: `localhost:${ports.tls}` };
  return {
    plain: {},
    'scram-sha-256': { settings: { mechanism: 'scram-sha-256' } },
    'scram-sha-512': { settings: { mechanism: 'scram-sha-512' } },
    'plain over TLS': { settings: overTls },
    'scram-sha-512 over TLS': { settings: { ...overTls, mechanism: 'scram-sha-512' } },
    'a certificate': {
      settings: {
        ...overTls,
        brokers: `localhost:${ports.certificate}`,
        mechanism: 'client-cert-auth',
        ssl_key: body(client.key),
        ssl_cert: body(client.cert),
      },
    },
  };
}
