import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../../src/dev/ports.ts';
import { newAuthority } from '../certificates.ts';
import { KafkaKeeper } from './client.ts';

/** Who may come in by a password; by SCRAM as by PLAIN. */
export const kafkaUser = { name: 'a-kafka-user', password: 'a-kafka-password' } as const;

/** Apache Kafka on loopback: one node that is its own controller. */
export interface KafkaBroker {
  readonly ports: {
    /** Asks for a password. */
    readonly password: number;
    /** Asks for a password over TLS, as `localhost`. */
    readonly tls: number;
    /** Asks for a certificate, as `localhost`. */
    readonly certificate: number;
    /** Asks for a password, and says that all else is said to `elsewhere`. */
    readonly elsewhere: number;
  };
  /** Signed what stands behind the listeners with TLS, and who is let in by a certificate. */
  readonly authority: ReturnType<typeof newAuthority>;
  readonly keeper: KafkaKeeper;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again, on the same data and ports. @param makesTopics makes a topic that is asked for and not there */
  start(makesTopics?: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface KafkaOptions {
  /** `host:port` that brokers of one listener are said to be at. */
  readonly elsewhere?: string;
  /** `host:port` that its listener with a password is said to be at; default: where it is. */
  readonly known?: string;
}

const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m'];
const logging = 'org.slf4j.simpleLogger';
const logged = [`-D${logging}.defaultLogLevel=error`, `-D${logging}.log.kafka.server.KafkaRaftServer=info`];

/** Starts a broker. @param jars the folder of its jars */
export async function startKafka(jars: string, options: KafkaOptions = {}): Promise<KafkaBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-'));
  const file = join(folder, 'server.properties');
  const authority = newAuthority();
  const ports = {
    password: await freePort(),
    tls: await freePort(),
    certificate: await freePort(),
    elsewhere: await freePort(),
  };
  const inner = { controller: await freePort(), open: await freePort() };
  writeFileSync(file, propertiesOf(folder, { ...ports, ...inner }, authority, options));
  const command = [...java, ...logged, '-cp', join(jars, '*')];
  await format(command, file);
  let server = await started(command, file);
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  return {
    ports,
    authority,
    keeper: new KafkaKeeper(`127.0.0.1:${inner.open}`),
    kill,
    start: async (makesTopics = true) => {
      appendFileSync(file, `auto.create.topics.enable=${makesTopics}\n`); // the last one counts
      server = await started(command, file);
    },
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Makes its folder, with its user of SCRAM. */
async function format(command: readonly string[], file: string): Promise<void> {
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${kafkaUser.name},password=${kafkaUser.password}]`,
  ]);
  const cluster = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const args = [...command, 'kafka.tools.StorageTool', 'format', '-t', cluster, '-c', file, ...users];
  const tool = spawn('java', args, { stdio: 'ignore' });
  const [code] = (await once(tool, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`Kafka's storage could not be made: ${code}`);
}

/** Resolves when it takes requests. @throws what it said when it ended before that */
async function started(command: readonly string[], file: string): Promise<ChildProcess> {
  const server = spawn('java', [...command, 'kafka.Kafka', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  for await (const line of createInterface({ input: server.stderr })) {
    if (/Kafka Server started/.test(line)) {
      server.stderr.resume();
      return server;
    }
    said.push(line);
  }
  throw new Error(`Kafka did not start: ${said.slice(-20).join('\n')}`);
}

type Ports = Readonly<Record<'controller' | 'open' | keyof KafkaBroker['ports'], number>>;

/** @see https://kafka.apache.org/43/configuration/broker-configs/ */
function propertiesOf(
  folder: string,
  ports: Ports,
  authority: KafkaBroker['authority'],
  { elsewhere = '169.254.169.254:9092', known = `127.0.0.1:${ports.password}` }: KafkaOptions,
): string {
  const { key, cert } = authority.issue('localhost');
  const listeners = {
    CONTROLLER: { protocol: 'PLAINTEXT', at: `127.0.0.1:${ports.controller}` },
    OPEN: { protocol: 'PLAINTEXT', at: `127.0.0.1:${ports.open}` },
    PASSWORD: { protocol: 'SASL_PLAINTEXT', at: `127.0.0.1:${ports.password}`, known },
    TLS: { protocol: 'SASL_SSL', at: `localhost:${ports.tls}` },
    CERTIFICATE: { protocol: 'SSL', at: `localhost:${ports.certificate}` },
    ELSEWHERE: { protocol: 'SASL_PLAINTEXT', at: `127.0.0.1:${ports.elsewhere}`, known: elsewhere },
  };
  const named = Object.entries(listeners);
  const withPassword = named.filter(([, { protocol }]) => protocol.startsWith('SASL'));
  const withTls = named.filter(([, { protocol }]) => protocol.endsWith('SSL'));
  const module = 'org.apache.kafka.common.security';
  const properties: readonly (readonly [name: string, value: string | number])[] = [
    ['process.roles', 'broker,controller'],
    ['node.id', 1],
    ['controller.quorum.voters', `1@127.0.0.1:${ports.controller}`],
    ['controller.listener.names', 'CONTROLLER'],
    ['inter.broker.listener.name', 'OPEN'],
    ['listeners', named.map(([name, { at }]) => `${name}://${at}`).join(',')],
    [
      'advertised.listeners',
      named
        .slice(1)
        .map(([name, one]) => `${name}://${'known' in one ? one.known : one.at}`)
        .join(','),
    ],
    ['listener.security.protocol.map', named.map(([name, { protocol }]) => `${name}:${protocol}`).join(',')],
    ['log.dirs', join(folder, 'data')],
    ['num.partitions', 3],
    ['offsets.topic.num.partitions', 1],
    ['offsets.topic.replication.factor', 1],
    ['group.initial.rebalance.delay.ms', 0],
    ['authorizer.class.name', 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'],
    ['allow.everyone.if.no.acl.found', 'true'],
    ['super.users', 'User:ANONYMOUS'],
    ['sasl.enabled.mechanisms', 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512'],
    ...withPassword.flatMap(([name]) => {
      const prefix = `listener.name.${name.toLowerCase()}`;
      const scram = `${module}.scram.ScramLoginModule required;`;
      return [
        [
          `${prefix}.plain.sasl.jaas.config`,
          `${module}.plain.PlainLoginModule required user_${kafkaUser.name}="${kafkaUser.password}";`,
        ],
        [`${prefix}.scram-sha-256.sasl.jaas.config`, scram],
        [`${prefix}.scram-sha-512.sasl.jaas.config`, scram],
      ] as const;
    }),
    ...withTls.flatMap(([name]) => {
      const prefix = `listener.name.${name.toLowerCase()}.ssl`;
      return [
        [`${prefix}.keystore.type`, 'PEM'],
        [`${prefix}.keystore.key`, key],
        [`${prefix}.keystore.certificate.chain`, cert],
        [`${prefix}.truststore.type`, 'PEM'],
        [`${prefix}.truststore.certificates`, authority.cert],
        [`${prefix}.client.auth`, name === 'CERTIFICATE' ? 'required' : 'none'],
      ] as const;
    }),
  ];
  return properties.map(([name, value]) => `${name}=${String(value).replaceAll('\n', '\\n')}\n`).join('');
}
