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
  const told = (body: unknown, status?: number) =>
    refusedItems(rule, answered(JSON.stringify(body), status), 3);
  const read = (body: unknown, status?: number) => told(body, status)?.refused ?? null;

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
    ['another shape', { errors: { 0: 'x' } }],
    ['a place outside of the request', { errors: [{ batch_index: 3, reason: 'x' }] }],
    ['a place below it', { errors: [{ batch_index: -1, reason: 'x' }] }],
    ['a place that is a text', { errors: [{ batch_index: '1', reason: 'x' }] }],
    ['a place between two', { errors: [{ batch_index: 0.5, reason: 'x' }] }],
    ['no place at all', { errors: [{ reason: 'x' }] }],
    ['no item', { errors: [null, 7] }],
    ['a huge list', { errors: Array.from({ length: 20_000 }, (_, index) => ({ batch_index: index + 3 })) }],
    ['parts, and not which', {}],
    ['nothing', null],
  ])('takes nothing for certain with %s', (_, body) => {
    expect(told(body)).toEqual({ refused: [null, null, null], unclear: expect.any(String) });
  });

  test('refuses what it names beside what was never sent', () => {
    const errors = [
      { batch_index: 9, reason: 'x' },
      { batch_index: 2, reason: 'y' },
    ];
    expect(told({ errors })).toEqual({ refused: [null, null, 'y'], unclear: expect.any(String) });
  });

  test('says nothing when it lists none, is empty, no success, or never came', () => {
    expect(told({}, 200)).toBeNull();
    expect(refusedItems(rule, answered(''), 3)).toBeNull();
    expect(told({ errors: [] }, 400)).toBeNull();
    expect(refusedItems(rule, { kind: 'notSent' }, 3)).toBeNull();
  });

  test('takes nothing for certain when it was cut off', () => {
    expect(refusedItems(rule, answered('{"errors":['), 3)?.unclear).toMatch(/no JSON/);
  });
});

describe('an answer that lists every item', () => {
  const rule = {
    kind: 'every_item',
    list: ['status'],
    errors: ['errors'],
    reason: ['code', 'message'],
  } as const;
  const told = (body: unknown) => refusedItems(rule, answered(JSON.stringify(body), 200), 2);
  const read = (body: unknown) => told(body)?.refused;

  test('refuses those that have errors', () => {
    const errors = [{ code: 'NOT_FOUND', message: 'no such activity' }];
    expect(read({ hasFailures: true, status: [{}, { errors }] })).toEqual([
      null,
      'NOT_FOUND: no such activity',
    ]);
    expect(read({ status: [{ errors: [] }, {}] })).toEqual([null, null]);
  });

  test.each([
    ['too few', [{ errors: [{ code: 'x' }] }]],
    ['too many', [{}, {}, {}]],
    ['no items', []],
    ['texts', ['200', '200']],
    ['errors in another shape', [{}, { errors: 'x' }]],
  ])('takes nothing for certain with %s', (_, status) => {
    expect(told({ status })).toMatchObject({ unclear: expect.any(String) });
  });
});

describe('an answer that names items by a value', () => {
  const rule = {
    kind: 'named_values',
    items: [['events'], ['users']],
    count: ['failCount'],
    values: [
      { member: 'email', lists: [['invalidEmails'], ['failedUpdates', 'notFoundEmails']] },
      { member: 'eventName', lists: [['disallowedEventNames']] },
    ],
  } as const;
  const events = ['a', 'b', 'c'].map((email) => ({ email, eventName: `E-${email}` }));
  const told = (body: unknown, request: unknown = { events }, items = 3) =>
    refusedItems(rule, answered(JSON.stringify(body), 200), items, Buffer.from(JSON.stringify(request)));

  test('refuses those whose values are listed', () => {
    const body = { failCount: 2, failedUpdates: { notFoundEmails: ['b'] }, disallowedEventNames: ['E-c'] };
    expect(told(body)).toEqual({
      refused: [
        null,
        'failedUpdates.notFoundEmails: it is listed there with its email',
        'disallowedEventNames: it is listed there with its eventName',
      ],
      unclear: null,
    });
    expect(told({ failCount: 3 })?.refused).toEqual(['failCount: 3', 'failCount: 3', 'failCount: 3']);
  });

  test('says nothing when nothing failed', () => {
    expect(told({ failCount: 0, invalidEmails: [], failedUpdates: {} })).toBeNull();
    expect(told({ code: 'Success' })).toBeNull();
  });

  test.each([
    ['more failed than are named', { failCount: 2, invalidEmails: ['a'] }],
    ['one failed, and none is named', { failCount: 1 }],
    ['none was sent that is named', { failCount: 1, invalidEmails: ['z'] }],
    ['a number that is a text', { failCount: '1' }],
    ['a list that is none', { failCount: 1, invalidEmails: 'a' }],
  ])('takes the others not for certain when %s', (_, body) => {
    expect(told(body)?.unclear).toEqual(expect.any(String));
  });

  test('a request of one item is that item', () => {
    expect(told({ failCount: 1 }, events[0], 1)).toEqual({ refused: ['failCount: 1'], unclear: null });
    expect(told({ invalidEmails: ['a'] }, events[0], 1)?.refused).toEqual([expect.any(String)]);
  });
});
