import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { batchId, deliveryId, deliveryName } from '../../src/destinations/delivery-id.ts';

const destination = '3f0a7c1e-0000-4000-8000-000000000001';
const action = '3f0a7c1e-0000-4000-8000-000000000002';
const idOf = (...parts: Parameters<typeof deliveryName>) => deliveryId(deliveryName(...parts));

// Receivers drop what they have by these ids, so a change of how they are made sends everything anew.
it('is the same for ever', () => {
  expect(idOf(destination, action, 42)).toBe('ce15db33-e6c4-52c5-8853-695f2fb0a4fc');
  expect(batchId([deliveryName(destination, action, 42)])).toBe('f8855422-67ac-5238-bf68-d8b3736b41cb');
});

it('is a UUID of version 5', () => {
  for (let position = 1; position <= 200; position += 1) {
    expect(idOf(destination, action, position)).toMatch(
      /^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
    );
  }
});

it('differs by destination, action, position and run of new ids', () => {
  const [runA, runB] = [randomUUID(), randomUUID()];
  const ids = [
    idOf(destination, action, 1),
    idOf(destination, action, 2),
    idOf(destination, action, 12),
    idOf(destination, randomUUID(), 1),
    idOf(randomUUID(), action, 1),
    idOf(destination, action, 1, runA),
    idOf(destination, action, 1, runB),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  expect(idOf(destination, action, 1, runA)).toBe(ids[5]);
});

it('makes a batch from all its deliveries, in order', () => {
  const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
  const ids = [batchId([a]), batchId([a, b]), batchId([b, a]), batchId([a, b, c])];
  expect(new Set(ids).size).toBe(4);
  expect(batchId([a, b])).toBe(ids[1]);
});
