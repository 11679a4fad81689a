import { setTimeout as wait } from 'node:timers/promises';
import type { PackageDefinition } from '../package-definition.ts';
import { require } from './seal.ts';

interface Message {
  readonly topic: string;
  readonly partitionMetadata: readonly { readonly partitionId: number }[];
}
type Partitioner = (message: Message) => number;
interface ProducerOptions {
  readonly createPartitioner: () => Partitioner;
}
interface KafkaClient {
  producer(options: ProducerOptions): unknown;
}
/** What is used of kafkajs. */
interface KafkaPackage {
  Kafka: new (config: object) => KafkaClient;
}

interface Settings {
  readonly brokers: string;
}
interface Given {
  readonly settings: Settings;
}
type Call = (request: unknown, given: Given) => Promise<unknown>;

/** As for all connections of a job; the client's own second is too short for a handshake with a broker that is far away. */
const connectMs = 10_000;
/** Another broker, or a topic that is still being made, is tried until then: a try more still ends within a job's time. */
const moreTriesMs = 20_000;
/** A broker that makes topics on demand has made one after that, ms each. */
const topicWaits: readonly number[] = [250, 500, 1_000];

let isClientMended = false;

/**
 * Has the client wait for connections as long as a job does, and refuse an event for a partition that its topic does not
 * have: it drops such an event and says that all went well.
 */
function mendClient(): void {
  if (isClientMended) return;
  isClientMended = true;
  const path = require.resolve('kafkajs', { paths: [require.resolve('@segment/action-destinations')] });
  const kafkajs = require(path) as KafkaPackage;
  const { Kafka } = kafkajs;
  kafkajs.Kafka = class extends Kafka {
    constructor(config: object) {
      super({ ...config, connectionTimeout: connectMs });
    }

    override producer(options: ProducerOptions): unknown {
      return super.producer({ ...options, createPartitioner: () => checked(options.createPartitioner()) });
    }
  };
}

function checked(choose: Partitioner): Partitioner {
  return (message) => {
    const partition = choose(message);
    if (message.partitionMetadata.some(({ partitionId }) => partitionId === partition)) return partition;
    const error = new Error(
      `The topic ${message.topic} does not have a partition ${partition}, or does not exist.`,
    );
    throw Object.assign(error, { retriable: false });
  };
}

/**
 * Asks the first of its brokers alone, whether it is there or not; and takes a topic that a broker is about to make for
 * one that does not exist.
 */
export function mendedKafka(definition: PackageDefinition): PackageDefinition {
  mendClient();
  const steady = (call: Call): Call => {
    return async (request, given) =>
      await overBrokers(given, async (settings) => await call(request, { ...given, settings }));
  };
  const { testAuthentication } = definition.authentication as unknown as {
    readonly testAuthentication: Call;
  };
  const send = definition.actions['send']! as unknown as Readonly<Record<string, Call>> & {
    readonly dynamicFields: { readonly topic: Call };
  };
  return {
    ...definition,
    authentication: { ...definition.authentication!, testAuthentication: steady(testAuthentication) },
    actions: {
      ...definition.actions,
      send: {
        ...definition.actions['send']!,
        perform: steady(untilThere(send['perform']!)),
        performBatch: steady(untilThere(send['performBatch']!)),
        dynamicFields: { topic: steady(send.dynamicFields.topic) },
      },
    },
  };
}

/** Calls with the brokers in one order after another, so that each comes first once, until one could be asked. */
async function overBrokers(
  { settings }: Given,
  call: (settings: Settings) => Promise<unknown>,
): Promise<unknown> {
  const began = performance.now();
  const brokers = settings.brokers.split(',').filter((broker) => broker.trim() !== '');
  const first = Math.floor(Math.random() * brokers.length);
  for (let tried = 1; ; tried++) {
    const start = (first + tried) % brokers.length;
    const turned = [...brokers.slice(start), ...brokers.slice(0, start)].join(',');
    try {
      return await call({ ...settings, brokers: turned });
    } catch (error) {
      const isOver = tried >= brokers.length || performance.now() - began > moreTriesMs;
      if (isOver || !isUnreached(error)) throw error;
    }
  }
}

const unreached = /KafkaJS(Connection|ConnectionClosed|RequestTimeout|Timeout|LockTimeout)(Error)?\b/;

/** The broker that was asked first was not there, before anything was given to any. */
function isUnreached(thrown: unknown): boolean {
  const { name, message, cause } = thrown as Error;
  if (message.startsWith('Kafka Producer Error')) return false;
  return unreached.test(`${name} ${message} ${cause instanceof Error ? cause.name : ''}`);
}

const noTopicYet = /does not host this topic-partition/;

/** Calls again while the topic is not there, a few times; where there is none nothing was written. */
function untilThere(call: Call): Call {
  return async (request, given) => {
    for (const ms of topicWaits) {
      try {
        return await call(request, given);
      } catch (error) {
        if (!noTopicYet.test((error as Error).message)) throw error;
        await wait(ms);
      }
    }
    return await call(request, given);
  };
}
