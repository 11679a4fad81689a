import { expect, test } from 'vitest';
import { mergeSettings, namesOfSet } from '../../src/api/settings.ts';

// The examples of RFC 7396, appendix A, whose target and patch are both objects.
test.each([
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
])('%s patched by %s is %s', (target, patch, result) => {
  expect(mergeSettings(JSON.parse(target), JSON.parse(patch))).toEqual(JSON.parse(result));
});

test('a member named __proto__ changes nothing but itself', () => {
  const merged = mergeSettings({}, JSON.parse('{"__proto__":{"polluted":true}}'));
  expect((merged as { polluted?: boolean }).polluted).toBeUndefined();
  expect(Object.keys(merged)).toEqual(['__proto__']);
});

test('only names of settings that have a value are told', () => {
  expect(namesOfSet({ url: 'https://x', secret: undefined, headers: {}, batchSize: 1, off: false })).toEqual([
    'url',
    'batchSize',
    'off',
  ]);
});
