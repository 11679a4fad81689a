import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { batchId, deliveryId } from '../../src/destinations/delivery-id.ts';

const destination = '3f0a7c1e-0000-4000-8000-000000000001';
const action = '3f0a7c1e-0000-4000-8000-000000000002';

// Receivers drop what they have by these ids, so a change of how they are made sends everything anew.
it('is the same for ever', () => {
  expect(deliveryId(destination, action, 42)).toBe('ce15db33-e6c4-52c5-8853-695f2fb0a4fc');
  expect(batchId([deliveryId(destination, action, 42)])).toBe('2d1839ea-5abc-5ac4-85e1-80be1058dbb0');
});

it('is a UUID of version 5', () => {
  for (let position = 1; position <= 200; position += 1) {
    expect(deliveryId(destination, action, position)).toMatch(
      /^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
    );
  }
});

it('differs by destination, action, position and run of new ids', () => {
  const [runA, runB] = [randomUUID(), randomUUID()];
  const ids = [
    deliveryId(destination, action, 1),
    deliveryId(destination, action, 2),
    deliveryId(destination, action, 12),
    deliveryId(destination, randomUUID(), 1),
    deliveryId(randomUUID(), action, 1),
    deliveryId(destination, action, 1, runA),
    deliveryId(destination, action, 1, runB),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  expect(deliveryId(destination, action, 1, runA)).toBe(ids[5]);
});

it('makes a batch from all its deliveries, in order', () => {
  const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
  const ids = [batchId([a]), batchId([a, b]), batchId([b, a]), batchId([a, b, c])];
  expect(new Set(ids).size).toBe(4);
  expect(batchId([a, b])).toBe(ids[1]);
});
