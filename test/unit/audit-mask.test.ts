import { expect, test } from 'vitest';
import { maskForAudit } from '../../src/api/audit/mask.ts';

test('secrets and what is personal are masked, names and the rest are kept', () => {
  expect(
    maskForAudit({
      name: 'Warehouse',
      settings: { url: 'https://a.b/c', secret: null, headers: { 'x-api': 'k' }, batchSize: 5 },
      generated: { secret: 'whsec_x' },
      writeKeys: [{ key: 'wk_1', createdAt: '2026-11-22T09:30:00.000Z' }],
      writeKey: 'wk_1',
      token: 'rpt_x',
      createdBy: { tokenId: 'id', name: 'Ann' },
      filter: { users: ['ann'], names: ['Order'] },
      userId: 'ann',
      anonymousId: null,
      callback: 'see https://u:p@hooks.example.com:8443/T0/B0?x=y and http://example.com',
      budget: { eventsPerSecond: 5 },
    }),
  ).toEqual({
    name: 'Warehouse',
    settings: {
      url: '[masked]',
      secret: null,
      headers: { 'x-api': '[masked]' },
      batchSize: '[masked]',
    },
    generated: { secret: '[masked]' },
    writeKeys: [{ key: '[masked]', createdAt: '2026-11-22T09:30:00.000Z' }],
    writeKey: '[masked]',
    token: '[masked]',
    createdBy: { tokenId: 'id', name: 'Ann' },
    filter: { users: ['[masked]'], names: ['Order'] },
    userId: '[masked]',
    anonymousId: null,
    callback: 'see https://hooks.example.com:8443/[masked] and http://example.com',
    budget: { eventsPerSecond: 5 },
  });
});

test('FQL is kept without the values that personal fields are compared with', () => {
  const fql =
    'event = "Order" and (userId = "ann" or traits.email = ann or contains(properties.card, "4711") or properties.n >= 5 or userId != null)';
  const kept =
    'event = "Order" and (userId = "[masked]" or traits.email = "[masked]" or contains(properties.card, "[masked]") or properties.n >= "[masked]" or userId != null)';
  const mask = maskForAudit({
    filter: fql,
    exclude: { fql },
    actions: [{ trigger: fql }],
    request: { filter: { fql: '"ann' } },
  });
  expect(mask).toEqual({
    filter: kept,
    exclude: { fql: kept },
    actions: [{ trigger: kept }],
    request: { filter: { fql: '"[masked]"' } },
  });
});

test('what is too long is left out, __proto__ is a member like any other', () => {
  expect(maskForAudit({ ids: Array.from({ length: 20_000 }, () => 'x') })).toEqual({
    leftOut: expect.stringMatching(/^\d+ characters$/),
  });
  expect(JSON.stringify(maskForAudit(JSON.parse('{"__proto__":{"a":1}}')))).toBe('{"__proto__":{"a":1}}');
});
