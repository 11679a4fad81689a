import { afterAll, describe, expect, test, vi } from 'vitest';
import { laidOut } from '../../src/destinations/catalog/layout.ts';
import { catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { onUnawaited } from '../../src/destinations/catalog/unawaited.ts';
import { awsAnswer, giveCredentials } from '../support/aws-answers.ts';
import { successOf } from '../support/contract/answers.ts';
import { drive, madeOf, type Driven } from '../support/contract/drive.ts';
import { givenEnvironment } from '../support/contract/given.ts';
import { notDriven } from '../support/contract/routes.ts';
import { openInternet, type Recorded } from '../support/internet.ts';
import { startKafka } from '../support/kafka/broker.ts';
import { kafkaJars } from '../support/kafka/jars.ts';
import { openSftpServer } from '../support/sftp-server.ts';

// What each definition of the catalog sends of plausible events, recorded in test/records/catalog for review. After an
// upgrade of the package: `npm run catalog:all -- -u`, and read the difference.
giveCredentials();
for (const [name, value] of Object.entries(givenEnvironment)) vi.stubEnv(name, value);
const internet = await openInternet((request) => awsAnswer(request) ?? successOf(request));
const sftp = await openSftpServer({
  isOpen: true,
  closed: (path, contents) =>
    internet.record({ method: 'PUT', url: `sftp://${path}`, headers: {}, body: Buffer.from(contents) }),
});
internet.lead(22, sftp.port);
const kafka = await openKafka();
afterAll(async () => {
  sftp.close();
  await kafka?.close();
  await internet.close();
});
const connectable = catalogSummaries().filter(
  ({ type, folder, obstacle }) =>
    folder !== null && obstacle === null && (type !== 'actions-kafka' || kafka !== null),
);
/** Apache Kafka behind a name; null where it cannot be run. */
async function openKafka() {
  const jars = await kafkaJars();
  if ('missing' in jars) {
    console.log(`What Kafka takes is not compared: ${jars.missing}`);
    return null;
  }
  const broker = await startKafka(jars.folder, { known: 'kafka.example.com:9092' });
  await broker.keeper.makeTopic('events');
  internet.lead(9_092, broker.ports.password);
  let seen = 0;
  const taken = async (): Promise<Recorded[]> => {
    const messages = (await broker.keeper.read('events')).slice(seen);
    seen += messages.length;
    return messages.map(({ key, value, headers, partition }) => ({
      method: 'PRODUCE',
      url: `kafka://kafka.example.com/events/${partition}?key=${key}`,
      headers,
      body: Buffer.from(value),
    }));
  };
  return { taken, close: () => broker.close() };
}

const all = new Map<string, readonly Driven[]>();
const unawaited = new Map<string, string>();
onUnawaited(({ definition, error }) => unawaited.set(definition ?? 'none', error));

describe('every action of', () => {
  test.each(connectable.map(({ type }) => type))('%s sends what is recorded, and ends', async (type) => {
    const driven = await drive(readCatalogDocument(type)!, type === 'actions-kafka' ? kafka! : internet);
    all.set(type, driven);
    for (const { outcome } of driven.flatMap(madeOf))
      expect(String(outcome)).not.toMatch(/definition_crashed|not_started|overdue/);
    await expect(`${laidOut(driven)}\n`).toMatchFileSnapshot(`../records/catalog/${type}.json`);
  });
});

/** Actions that sent nothing of anything, with what became of it. */
function silentActions(driven: readonly Driven[]): Record<string, readonly string[]> {
  const byAction = Map.groupBy(driven, ({ action }) => action);
  const made = [...byAction].map(([action, some]) => [action, some.flatMap(madeOf)] as const);
  const silent = made.filter(([, some]) => some.every(({ requests }) => requests.length === 0));
  return Object.fromEntries(
    silent.map(([action, some]) => [action, [...new Set(some.flatMap(({ outcome }) => outcome))]]),
  );
}

test('which actions send nothing, and why, is known', async () => {
  const silent = [...all].map(([type, driven]) => [type, silentActions(driven)] as const);
  const reasons = silent.filter(([, actions]) => Object.keys(actions).length > 0);
  const notConnectable = catalogSummaries()
    .filter(({ obstacle }) => obstacle !== null)
    .map(({ type, obstacle }) => [type, obstacle]);
  const skipped = connectable
    .map(({ type }) => [type, notDriven(readCatalogDocument(type)!)] as const)
    .filter(([, triggers]) => Object.keys(triggers).length > 0);
  // Whoever is named here began something whose failure nobody hears of.
  expect(Object.fromEntries(unawaited)).toEqual({});
  const known = {
    silent: Object.fromEntries(reasons),
    notDriven: Object.fromEntries(skipped),
    notConnectable: Object.fromEntries(notConnectable),
  };
  await expect(`${laidOut(known)}\n`).toMatchFileSnapshot('../records/catalog-silent.json');
});
