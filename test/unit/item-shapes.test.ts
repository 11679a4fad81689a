import { describe, expect, test } from 'vitest';
import { refusedItems } from '../../src/destinations/catalog/item-errors.ts';
import { ItemErrors, type ItemRule } from '../../src/destinations/item-rules.ts';

const answered = (body: unknown, status = 200) =>
  ({
    kind: 'answered',
    head: { status, headers: {} },
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    tookMs: 1,
  }) as const;
const told = (rule: ItemRule, body: unknown, request: unknown = {}, items = 2) =>
  refusedItems(rule, answered(body), items, Buffer.from(JSON.stringify(request)));
const doubtful = { refused: [null, null], unclear: expect.any(String) };

describe('a list that has to be there', () => {
  const rule = {
    kind: 'every_item',
    list: ['status'],
    of: [['sent']],
    errors: ['errors'],
    reason: ['m'],
  } as const;
  test('leaves nothing certain where it is not', () => {
    for (const body of [{}, '', 'null', { status: null }, { status: [] }, { status: [{}] }])
      expect(told(rule, body, { sent: [1, 2] })).toEqual(doubtful);
    expect(told(rule, { status: [{}, {}] }, { sent: [1, 2] })).toEqual({
      refused: [null, null],
      unclear: null,
    });
  });
  test('is not asked for of a request that has none', () => {
    expect(told(rule, 'ok', { other: 1 })).toBeNull();
  });
  test('of fewer items than events says which only when all went well', () => {
    expect(told(rule, { status: [{}] }, { sent: [1] })).toEqual({ refused: [null, null], unclear: null });
    expect(told(rule, { status: [{ errors: [{ m: 'x' }] }] }, { sent: [1] })).toEqual(doubtful);
  });
});

describe('a status of each item', () => {
  const rule = {
    kind: 'every_item',
    list: [],
    status: { member: 'code', taken: [200] },
    reason: [['json', 'error']],
  } as const;
  test('is that of who was taken, or the reason', () => {
    expect(told(rule, [{ code: 200 }, { code: 404, json: { error: 'no' } }])?.refused).toEqual([
      null,
      '404: no',
    ]);
    expect(told(rule, [{ code: 200 }, { code: '200' }])?.refused[1]).toEqual(expect.any(String));
    expect(told(rule, [{ code: 200 }, {}])).toEqual(doubtful);
    expect(told(rule, [{ code: 200 }, { code: [200] }])).toEqual(doubtful);
  });
});

describe('blank rows', () => {
  const rule = {
    kind: 'every_item',
    list: ['results'],
    of: [['sent']],
    blankFor: ['error'],
    reason: ['message'],
  } as const;
  const request = { sent: [1, 2] };
  test('failed when there is an error, and only then', () => {
    const error = { message: 'no' };
    expect(told(rule, { error, results: [{ a: 1 }, {}] }, request)?.refused).toEqual([null, 'no']);
    expect(told(rule, { results: [{ a: 1 }, {}] }, request)?.refused).toEqual([null, null]);
    expect(told(rule, { error }, request)).toEqual(doubtful);
    expect(told(rule, { error }, { sent: [1] }, 1)).toEqual({ refused: ['no'], unclear: null });
  });
});

describe('errors by a value of each item', () => {
  const rule = {
    kind: 'named_values',
    items: [['contacts'], ['ids']],
    values: [{ memberNamedBy: ['key'], lists: [['errors']] }],
  } as const;
  const request = { key: '3', contacts: [{ 3: 'a' }, { 3: 7 }] };
  test('are looked for by the member that the request names', () => {
    expect(told(rule, { errors: { 7: { 2008: 'nobody' } } }, request)?.refused).toEqual([
      null,
      'errors: {"2008":"nobody"}',
    ]);
    expect(told(rule, { errors: [] }, request)).toBeNull();
    expect(told(rule, {}, request)).toBeNull();
    expect(told(rule, { errors: { z: 'x' } }, request)).toEqual(doubtful);
    expect(told(rule, { errors: 'x' }, request)).toEqual(doubtful);
    expect(told(rule, { errors: { z: 'x' } }, { key: '3', contacts: [{ 3: 'a' }] }, 1)?.refused).toEqual([
      'errors: "x"',
    ]);
  });
  test('are those of items that are values themselves', () => {
    const ids = { ...rule, values: [{ lists: [['errors']] }] } as const;
    expect(told(ids, { errors: { b: 'x' } }, { ids: ['a', 'b'] })?.refused).toEqual([null, 'errors: "x"']);
  });
});

describe('one member for all', () => {
  const rule = {
    kind: 'whole_request',
    success: ['code'],
    required: true,
    taken: [0],
    throttled: [1],
    failed: [2],
    down: [3],
    reason: ['m'],
  } as const;
  test('says what they have met', () => {
    expect(told(rule, { code: 0 })).toBeNull();
    expect(told(rule, { code: 1, m: 'slow' })).toEqual({
      refused: ['code: 1: slow', 'code: 1: slow'],
      unclear: null,
      as: 'throttled',
    });
    expect(told(rule, { code: 2 })?.as).toBe('failed');
    expect(told(rule, { code: 3 })?.as).toBe('down');
    expect(told(rule, { code: '0' })).toMatchObject({ refused: [expect.any(String), expect.any(String)] });
    for (const body of [{}, '', 'null', '[]']) expect(told(rule, body)).toEqual(doubtful);
  });
});

describe('failures that are not told apart', () => {
  const rule = { kind: 'untold', failures: ['errors'], reason: ['m'] } as const;
  test('are of the one that was sent, or make all doubtful', () => {
    for (const body of [{}, { errors: [] }, { errors: {} }, { errors: 0 }, { errors: null }])
      expect(told(rule, body)).toBeNull();
    expect(told(rule, { errors: [{ m: 'no' }] })).toEqual({
      ...doubtful,
      unclear: expect.stringContaining('no'),
    });
    expect(told(rule, { errors: 1 })).toEqual(doubtful);
    expect(told(rule, { errors: 'x' })).toEqual(doubtful);
    expect(told(rule, { errors: [{ m: 'no' }] }, {}, 1)).toEqual({ refused: ['errors: no'], unclear: null });
    expect(told({ ...rule, as: 'failed' }, { errors: [{}] }, {}, 1)?.as).toBe('failed');
  });
});

describe('results and errors', () => {
  const rule = {
    kind: 'results',
    items: ['inputs'],
    id: 'id',
    taken: ['results'],
    errors: ['errors'],
    ids: ['context', 'ids'],
    reason: ['message'],
  } as const;
  const request = { inputs: [{ id: 'a' }, { id: 'b' }] };
  const error = (...ids: string[]) => ({ message: 'bad', context: { ids } });
  test('refuse those that are named', () => {
    expect(told(rule, { results: [{}], errors: [error('b')] }, request)).toEqual({
      refused: [null, 'bad'],
      unclear: null,
    });
    expect(told(rule, { results: [{}], errors: [error()] }, request)).toEqual(doubtful);
    expect(told(rule, { results: [{}], errors: [error('z')] }, request)).toEqual(doubtful);
    expect(told(rule, { results: [{}] }, request)).toBeNull();
    for (const body of [{ results: [] }, {}, '', { results: {} }])
      expect(told(rule, body, request)).toEqual(doubtful);
    expect(told(rule, 'ok', { other: 1 })).toEqual(doubtful);
  });
});

test('a rule names requests by a pattern that can be read', () => {
  const rule = { kind: 'untold', failures: ['a'], reason: ['b'] };
  expect(ItemErrors.safeParse([{ ...rule, at: '/users$' }]).success).toBe(true);
  expect(ItemErrors.safeParse([{ ...rule, at: '(' }]).success).toBe(false);
  expect(ItemErrors.safeParse([]).success).toBe(false);
});
