import { randomUUID } from 'node:crypto';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { packageDestination } from '../../src/destinations/catalog/definition.ts';
import { usable } from '../support/catalog-engine.ts';
import { givenValues } from '../support/contract/given.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { partBodies } from '../support/hostile/parts.ts';
import { openInternet, type Recorded } from '../support/internet.ts';
import { shapes, strictShapes } from '../support/item-shapes.ts';
import { loopback } from '../support/webhook-sender.ts';

// What services say of a request inside an answer of 2xx, through their real definitions, shape by shape.
let answer: (request: Recorded) => unknown = () => ({});
let status = 200;
const internet = await openInternet((request) => {
  const body = answer(request);
  return { status, body: typeof body === 'string' ? body : JSON.stringify(body) };
});
afterAll(() => internet.close());

const event = (index: number) => ({
  type: 'track',
  event: 'Paid',
  userId: `user-${index}`,
  messageId: `m-${index}`,
  timestamp: new Date().toISOString(),
  properties: { gclid: `g-${index}`, email: `e${index}@example.com`, is_in: true },
  context: {
    traits: { email: `e${index}@example.com` },
    personas: { computation_class: 'audience', computation_key: 'is_in' },
  },
});

async function send(type: string, action: string, mapping: Readonly<Record<string, unknown>>, count: number) {
  const hooks = { onMappingSave: { inputs: {}, outputs: givenValues[type]?.saved } };
  const given = usable(type, action, { enable_batching: count > 1, ...mapping });
  const actionId = randomUUID();
  const sender = packageDestination(given.document).open(
    { ...given.settings, oauth: { accessToken: 'a', refreshToken: 'r' } },
    {
      egress: loopback,
      destinationId: randomUUID(),
      actions: [{ actionId, action, mapping: { ...given.mapping, ...hooks } }],
      replay: false,
    },
  );
  onTestFinished(() => sender.close());
  const deliveries = Array.from({ length: count }, (_, index) =>
    deliveryOf(JSON.stringify(event(index)), { actionId }),
  );
  const outcomes = await sender.send(deliveries, openGate);
  return { outcomes, requests: internet.taken() };
}

test.each(shapes)('$of', async ({ type, action, mapping = {}, count = 3, to, said, kinds, why }) => {
  answer = ({ url }) => (to === undefined || url.includes(to) ? said : {});
  const { outcomes, requests } = await send(type, action, mapping, count);
  expect(requests.length, JSON.stringify(outcomes)).toBeGreaterThan(0);
  const told = outcomes.map(({ kind }) => kind);
  expect(told, JSON.stringify(outcomes)).toEqual(
    typeof kinds === 'string' ? Array.from({ length: count }, () => kinds) : kinds,
  );
  if (why !== undefined) expect(JSON.stringify(outcomes)).toContain(why);
});

const nonsense = [
  'null',
  'true',
  '"x"',
  '[]',
  '{}',
  '<html>',
  '',
  '['.repeat(10_000),
  '{"__proto__":{"code":0}}',
];

test.each(strictShapes)(
  '$type: what is no answer of its leaves nothing counted as delivered',
  async (shape) => {
    const { type, action, mapping = {}, count = 3, to } = shape;
    const bodies = [
      ...partBodies,
      ...nonsense.map((body) => ({ name: body.slice(0, 20), status: 200, body })),
    ];
    for (const { name, body, status: as } of bodies) {
      status = as;
      answer = ({ url }) => (to === undefined || url.includes(to) ? body : {});
      const { outcomes } = await send(type, action, mapping, count);
      expect(outcomes, name).toHaveLength(count);
      for (const { kind } of outcomes) expect(['failed', 'refused'], name).toContain(kind);
    }
    status = 200;
  },
);
