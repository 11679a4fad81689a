import { expect, it } from 'vitest';
import { selectionOfRequest } from '../../src/core/replay-selection.ts';

const from = '2026-01-01T00:00:00.000Z';
const to = '2026-02-01T00:00:00.000Z';

it('selects by the time that the range is measured by', () => {
  expect(selectionOfRequest({ range: { by: 'received', from, to } })).toEqual({
    receivedFrom: from,
    receivedTo: to,
  });
  expect(selectionOfRequest({ range: { by: 'event', from, to } })).toEqual({
    timestampFrom: from,
    timestampTo: to,
  });
});

it('leaves open ends open, and positions to the range of the run', () => {
  expect(selectionOfRequest({ range: { by: 'received', from } })).toEqual({ receivedFrom: from });
  expect(selectionOfRequest({ range: { by: 'event', to } })).toEqual({ timestampTo: to });
  expect(selectionOfRequest({ range: { by: 'received' } })).toEqual({});
  expect(selectionOfRequest({ range: { by: 'position', from: 3, to: 9 } })).toEqual({});
});

it('takes over what is named, and what is left out', () => {
  const filter = { types: ['track'] as const, names: ['Order Completed'], users: ['u1'] };
  const exclude = { names: ['Page Pinged'] };
  expect(selectionOfRequest({ range: { by: 'received', from }, filter, exclude })).toEqual({
    ...filter,
    exclude,
    receivedFrom: from,
  });
});
