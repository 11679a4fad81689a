import { expect, it } from 'vitest';
import { selectionOfRequest } from '../../src/core/replay-selection.ts';

const from = '2026-01-01T00:00:00.000Z';
const to = '2026-02-01T00:00:00.000Z';

type Request = Parameters<typeof selectionOfRequest>[0];

const destinationId = '3f0a7c1e-0000-4000-8000-000000000001';

function selectionOf(request: Omit<Request, 'destinationId' | 'mode'>, mode: Request['mode'] = 'missing') {
  return selectionOfRequest({ destinationId, mode, ...request });
}

it('selects by the time that the range is measured by', () => {
  expect(selectionOf({ range: { by: 'received', from, to } })).toEqual({
    receivedFrom: from,
    receivedTo: to,
  });
  expect(selectionOf({ range: { by: 'event', from, to } })).toEqual({
    timestampFrom: from,
    timestampTo: to,
  });
});

it('leaves open ends open, and positions to the range of the run', () => {
  expect(selectionOf({ range: { by: 'received', from } })).toEqual({ receivedFrom: from });
  expect(selectionOf({ range: { by: 'event', to } })).toEqual({ timestampTo: to });
  expect(selectionOf({ range: { by: 'received' } })).toEqual({});
  expect(selectionOf({ range: { by: 'position', from: 3, to: 9 } })).toEqual({});
});

it('takes over what is named, and what is left out', () => {
  const filter = { types: ['track'] as const, names: ['Order Completed'], users: ['u1'] };
  const exclude = { names: ['Page Pinged'] };
  expect(selectionOf({ range: { by: 'received', from }, filter, exclude })).toEqual({
    ...filter,
    exclude,
    receivedFrom: from,
  });
});

it('takes only what the destination gave up on when it is asked for what failed', () => {
  const range = { by: 'received', from } as const;
  expect(selectionOf({ range }, 'failed')).toEqual({ failedAt: destinationId, receivedFrom: from });
  expect(selectionOf({ range }, 'all')).toEqual({ receivedFrom: from });
});
