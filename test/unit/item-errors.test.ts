import { describe, expect, test } from 'vitest';
import { refusedItems } from '../../src/destinations/catalog/item-errors.ts';

const answered = (body: string, status = 207) =>
  ({ kind: 'answered', head: { status, headers: {} }, body: Buffer.from(body), tookMs: 1 }) as const;

describe('an answer that lists what failed', () => {
  const rule = {
    kind: 'failed_items',
    list: ['errors'],
    index: 'batch_index',
    reason: ['reason', 'field', 'message'],
  } as const;
  const read = (body: unknown, status?: number) =>
    refusedItems(rule, answered(JSON.stringify(body), status), 3);

  test('refuses those that are listed, with all that it says, and takes the others', () => {
    const errors = [{ batch_index: 1, reason: 'required', field: 'name', message: 'name is needed' }];
    expect(read({ errors })).toEqual([null, 'required: name: name is needed', null]);
    expect(read({ errors }, 200)).toEqual([null, 'required: name: name is needed', null]);
    expect(read({ errors: [] })).toEqual([null, null, null]);
    expect(read({ errors: [{ batch_index: 2 }] })).toEqual([null, null, 'The destination gives no reason.']);
    const twice = [
      { batch_index: 0, reason: 'a' },
      { batch_index: 0, reason: 'b' },
    ];
    expect(read({ errors: twice })).toEqual(['a', null, null]);
  });

  test.each([
    ['no such list', {}],
    ['another shape', { errors: { 0: 'x' } }],
    ['a place outside of the request', { errors: [{ batch_index: 3, reason: 'x' }] }],
    ['a place below it', { errors: [{ batch_index: -1, reason: 'x' }] }],
    ['no place at all', { errors: [{ reason: 'x' }] }],
    ['nothing', null],
  ])('says nothing with %s', (_, body) => {
    expect(read(body)).toBeNull();
  });

  test('says nothing when it is no JSON, no success, or never came', () => {
    expect(refusedItems(rule, answered('{"errors":['), 3)).toBeNull();
    expect(read({ errors: [] }, 400)).toBeNull();
    expect(refusedItems(rule, { kind: 'notSent' }, 3)).toBeNull();
  });
});

describe('an answer that lists every item', () => {
  const rule = {
    kind: 'every_item',
    list: ['status'],
    errors: ['errors'],
    reason: ['code', 'message'],
  } as const;
  const read = (body: unknown) => refusedItems(rule, answered(JSON.stringify(body), 200), 2);

  test('refuses those that have errors', () => {
    const errors = [{ code: 'NOT_FOUND', message: 'no such activity' }];
    expect(read({ hasFailures: true, status: [{}, { errors }] })).toEqual([
      null,
      'NOT_FOUND: no such activity',
    ]);
    expect(read({ status: [{ errors: [] }, {}] })).toEqual([null, null]);
  });

  test('says nothing when it lists another number of items, which could be anybody’s', () => {
    expect(read({ status: [{ errors: [{ code: 'x' }] }] })).toBeNull();
  });
});
