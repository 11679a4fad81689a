import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { until } from '../until.ts';

// The package of the catalog brings this one.
const require = createRequire(import.meta.url);
const { Kafka, logLevel } = require(
  require.resolve('kafkajs', { paths: [require.resolve('@segment/action-destinations')] }),
) as KafkaPackage;

interface KafkaPackage {
  readonly Kafka: new (config: object) => { admin(): Admin; consumer(options: object): Consumer };
  readonly logLevel: { readonly NOTHING: number };
}
interface Offset {
  readonly partition: number;
  readonly high: string;
  readonly low: string;
}
interface Admin {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  createTopics(options: { readonly topics: readonly TopicOptions[] }): Promise<boolean>;
  createAcls(options: { readonly acl: readonly object[] }): Promise<boolean>;
  listTopics(): Promise<readonly string[]>;
  fetchTopicOffsets(topic: string): Promise<readonly Offset[]>;
}
type Fields = Readonly<Record<string, Buffer | readonly Buffer[] | undefined>>;
interface Consumer {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  subscribe(options: object): Promise<void>;
  run(options: {
    readonly eachMessage: (given: {
      readonly partition: number;
      readonly message: { readonly key: Buffer | null; readonly value: Buffer; readonly headers?: Fields };
    }) => Promise<void>;
  }): Promise<void>;
}

interface TopicOptions {
  readonly topic: string;
  readonly numPartitions?: number;
  readonly configEntries?: readonly { readonly name: string; readonly value: string }[];
}

/** What stands in a topic. */
export interface KafkaMessage {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Looks after a broker of a test, over a listener that asks for no credentials. */
export class KafkaKeeper {
  readonly #client;

  constructor(address: string) {
    this.#client = new Kafka({ clientId: 'a-test', brokers: [address], logLevel: logLevel.NOTHING });
  }

  /** Makes a topic. @param options its configuration by name */
  async makeTopic(
    topic: string,
    partitions = 1,
    options: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const configEntries = Object.entries(options).map(([name, value]) => ({ name, value }));
    await this.#asked((admin) =>
      admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }] }),
    );
  }

  /** Lets a user do nothing with a topic but see it. */
  async close(topic: string, user: string): Promise<void> {
    const [resourceType, literal, describe, allow] = [2, 3, 8, 3];
    const acl = {
      resourceType,
      resourceName: topic,
      resourcePatternType: literal,
      principal: `User:${user}`,
      host: '*',
      operation: describe,
      permissionType: allow,
    };
    await this.#asked((admin) => admin.createAcls({ acl: [acl] }));
  }

  /** All that stands in a topic, by partition and in its order there; nothing where there is no such topic. */
  async read(topic: string): Promise<readonly KafkaMessage[]> {
    const offsets = (await until(
      `the topic ${topic} has its leaders`,
      () => this.#offsets(topic),
      Array.isArray,
    ))!;
    const expected = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
    const found: KafkaMessage[] = [];
    if (expected === 0) return found;
    const consumer = this.#client.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 50 });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    await consumer.run({
      eachMessage: async ({ partition, message: { key, value, headers } }) => {
        const fields = Object.entries(headers ?? {}).map(([name, field]) => [name, String(field)]);
        found.push({
          partition,
          key: key === null ? null : key.toString(),
          value: value.toString(),
          headers: Object.fromEntries(fields) as Record<string, string>,
        });
        if (found.length >= expected) resolve();
        await Promise.resolve();
      },
    });
    await promise;
    await consumer.disconnect();
    return found.toSorted((one, other) => one.partition - other.partition);
  }

  /** null: a broker that has just started does not know of them yet. */
  async #offsets(topic: string): Promise<readonly Offset[] | null> {
    return await this.#asked(async (admin) =>
      (await admin.listTopics()).includes(topic)
        ? await admin.fetchTopicOffsets(topic).catch(() => null)
        : [],
    );
  }

  async #asked<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#client.admin();
    await admin.connect();
    try {
      return await ask(admin);
    } finally {
      await admin.disconnect();
    }
  }
}
