import { beforeEach, expect, test } from 'vitest';
import { startApi, type ApiProcess } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { illegibleItems, poisonBodies } from '../support/poison-bodies.ts';
import { damaged, poisonItem } from '../support/poison-generator.ts';
import { poisonItems } from '../support/poison-items.ts';
import { poisonSeed } from '../support/poison-seed.ts';
import { Random } from '../support/simulation/random.ts';
import { trackClient } from '../support/track-api.ts';
import { fateOf, poisonEvent, poisonOperations, type PoisonOperation } from '../support/track-poison.ts';
import { archivedOf, rejectedOf, type Answer } from '../support/tracking.ts';

const db = await testDatabase();
let api: ApiProcess;
const operations = poisonOperations(poisonItems);
const goodId = (id: string | number) => `good-${id}`;
const good = (id: string | number) =>
  `{"type":"person","identifiers":{"id":"good"},"action":"event","name":"e","id":"${goodId(id)}"}`;

beforeEach(async () => {
  api = await startApi(db.url);
});

interface Said {
  readonly code: string;
  readonly message: string;
  readonly meta: { readonly errors: readonly string[] };
  readonly errors: readonly { readonly batch_index?: number; readonly reason: string }[];
}

/** What a refusal says, which has the shapes of v1 and of v2. */
function said({ body }: Answer, why: string): Said {
  const document = JSON.parse(body) as Said;
  const { code, message, meta, errors } = document;
  expect(meta, why).toEqual({ errors: [message] });
  expect(errors, why).toMatchObject([{ reason: code, message }]);
  return document;
}

function expectAlive() {
  expect(api.process.exitCode).toBeNull();
  expect(api.output()).not.toContain('"level":50');
}

/** Sends them in batches, each with a good neighbour behind it, and looks at what became of all. */
async function expectKept(sent: readonly PoisonOperation[], size: number): Promise<void> {
  const { sourceId, ask } = await trackClient(db, api.url);
  for (let at = 0; at < sent.length; at += size) {
    const some = sent.slice(at, at + size);
    const items = some.flatMap(({ item }, index) => [item, good(at + index)]);
    const answer = await ask('POST /api/v2/batch', `{"batch":[ ${items.join(' , ')} ]}`);
    const bad = some.flatMap(({ fate }, index) => (fate === 'archived' ? [] : [[2 * index, fate]]));
    const why = some.map(({ name }) => name).join('; ');
    expect(answer.status, why).toBe(bad.length > 0 ? 207 : 200);
    const errors = bad.length > 0 ? (JSON.parse(answer.body) as Said).errors : [];
    expect(
      errors.map(({ batch_index: index, reason }) => [index, reason]),
      why,
    ).toEqual(bad);
  }
  const archived = await archivedOf(db, sourceId);
  const texts = archived.filter(({ userId }) => userId !== 'good').map(rawText);
  const neighbours = archived.filter(({ userId }) => userId === 'good').map(({ messageId }) => messageId);
  expect(neighbours).toEqual(sent.map((_, index) => goodId(index)));
  let place = 0;
  for (const { name, fate, holds } of sent) {
    if (fate !== 'archived') continue;
    const found = texts.findIndex((text, index) => index >= place && text.includes(holds));
    expect(found, `${name}: ${holds}`).toBeGreaterThanOrEqual(place);
    place = found + 1;
  }
  const refused = sent.filter(({ fate }) => fate !== 'archived').map(({ fate, item }) => `${fate} ${item}`);
  const kept = (await rejectedOf(db, sourceId)).map(({ code, raw }) => `${code} ${raw.toString()}`);
  expect(kept).toEqual(refused);
  expectAlive();
}

test('poison in batches of v2 is taken over as it came or kept apart, its neighbours are archived', async () => {
  expect(operations.length).toBeGreaterThan(600);
  expect(new Set(operations.map(({ name }) => name)).size).toBe(operations.length);
  await expectKept(operations, 12);
});

test('operations that are no JSON in UTF-8 cost themselves alone', async () => {
  const { sourceId, ask } = await trackClient(db, api.url);
  const items = illegibleItems.flatMap(({ text }, index) => [text, Buffer.from(good(index))]);
  const body = Buffer.concat([
    Buffer.from('{"batch":['),
    ...items.flatMap((text, index) => (index === 0 ? [text] : [Buffer.from(','), text])),
    Buffer.from(']}'),
  ]);
  const answer = await ask('POST /api/v2/batch', body);
  expect(answer.status).toBe(207);
  expect((JSON.parse(answer.body) as Said).errors).toMatchObject(
    illegibleItems.map((_, index) => ({ batch_index: 2 * index, reason: 'malformed_json' })),
  );
  expect(await archivedOf(db, sourceId)).toHaveLength(illegibleItems.length);
  const kept = (await rejectedOf(db, sourceId)).map(({ raw }) => raw.toString('latin1'));
  expect(kept).toEqual(illegibleItems.map(({ text }) => Buffer.from(text).toString('latin1')));
  expectAlive();
});

test('a generated multitude of it, too', async () => {
  const random = new Random(poisonSeed());
  const sent = Array.from({ length: 10_000 }, (_, index) => {
    const { text } = poisonItem(random, String(1_000 + index));
    return poisonEvent(`generated ${index}`, text, fateOf(text));
  });
  await expectKept(sent, 400);
});

test('an operation of each class sent alone to v2 and to v1 ends as it does in a batch', async () => {
  const [v2, v1] = [await trackClient(db, api.url), await trackClient(db, api.url)];
  const expectEnd = (answer: Answer, { name, fate }: PoisonOperation) => {
    if (fate === 'archived') expect(answer, name).toMatchObject({ status: 200, body: '{}' });
    else {
      expect(answer.status, name).toBe(400);
      expect(said(answer, name).code, name).toBe(fate);
    }
  };
  const sendEach = async (each: PoisonOperation) => {
    expectEnd(await v2.ask('POST /api/v2/entity', each.item), each);
    if (each.body === null) return;
    expectEnd(await v1.ask('POST /api/v1/customers/u/events', each.body), each);
    expectEnd(await v1.ask('POST /api/v1/events', each.body), each);
  };
  for (let at = 0; at < operations.length; at += 10)
    await Promise.all(operations.slice(at, at + 10).map(sendEach));
  expectAlive();
});

test('a request that is poison as a whole is refused in the form of Customer.io, at each of its addresses', async () => {
  const { sourceId, ask } = await trackClient(db, api.url);
  const beside = await trackClient(db, api.url);
  const calls = [
    'POST /api/v2/entity',
    'POST /api/v1/events',
    'POST /api/v1/customers/u/events',
    'PUT /api/v1/customers/u',
  ];
  const ownRules = new Set(['no_batch', 'too_many_events']);
  for (const [index, { name, body, encoding, status, code }] of poisonBodies.entries()) {
    const headers: Record<string, string> = encoding === undefined ? {} : { 'content-encoding': encoding };
    const answers = await Promise.all([
      ask('POST /api/v2/batch', body, headers),
      ...calls.map((call) => ask(call, body, headers)),
      beside.ask('POST /api/v2/entity', good(index)),
    ]);
    expect(answers.pop(), name).toMatchObject({ status: 200, body: '{}' });
    for (const [which, answer] of answers.entries()) {
      const why = `${name} to ${calls[which - 1] ?? 'a batch'}: ${answer.body}`;
      expect([200, 207, 400, 413], why).toContain(answer.status);
      if (answer.status >= 400) said(answer, why);
      // What is JSON may be a good body elsewhere, and v1 needs none.
      const isHere = which === 0 ? name !== 'a context that is too deep' : !ownRules.has(code);
      if (!isHere || name === 'nothing' || (which > 0 && name.startsWith('a batch over'))) continue;
      if (name === 'a context that is too deep') continue;
      expect([answer.status, said(answer, why).code], why).toEqual([status, code]);
    }
  }
  expect(await archivedOf(db, beside.sourceId)).toHaveLength(poisonBodies.length);
  const archived = await archivedOf(db, sourceId);
  expect(new Set(archived.map(({ type }) => type))).toEqual(new Set(['identify']));
  expectAlive();
});

test('a body damaged on its way is refused, or all of it is archived or kept apart', async () => {
  const random = new Random(poisonSeed());
  const { ask } = await trackClient(db, api.url);
  for (let turn = 0; turn < 60; turn++) {
    const bodies = Array.from({ length: 20 }, (_, index) => {
      const { text } = poisonItem(random, String(1_000 + turn * 20 + index));
      return damaged(Buffer.from(`{"batch":[${poisonEvent('', text, 'archived').item},7]}`), random);
    });
    const answers = await Promise.all(bodies.map((body) => ask('POST /api/v2/batch', body)));
    for (const [index, answer] of answers.entries()) {
      const why = `turn ${turn}: ${bodies[index]!.toString('latin1')}`;
      expect([200, 207, 400], why).toContain(answer.status);
      if (answer.status === 400)
        expect(['malformed_json', 'malformed_utf8', 'no_batch'], why).toContain(said(answer, why).code);
    }
  }
  expectAlive();
});
