import { expect, test, vi } from 'vitest';
import { identifyingMembers, legibleMembers } from '../../src/core/malformed-json.ts';

const bytes = (text: string) => Buffer.from(text);
test.each([
  ['{"userId":"u","score":NaN,"messageId":7}', { userId: 'u', messageId: 7 }],
  ['{"\\x":1,"\n\\\\":2,"\\u0075serId":"u"}', { userId: 'u' }],
  ['{"userId":"first","userId":"last","userId":NaN,"messageId":1,"messageId":2,"x":x}', { messageId: 2 }],
  ['{"userId":12', {}],
  ['NaN', {}],
  ['', {}],
])('of %s the members that can be read are', (text, members) => {
  expect(legibleMembers(bytes(text), identifyingMembers)).toEqual(members);
});

test('however many members cannot be read, no more are tried than there are names', () => {
  const parse = vi.spyOn(JSON, 'parse');
  for (const name of ['', 'userId', '\\x']) {
    const text = bytes(`{${Array.from({ length: 10_000 }, () => `"${name}":x`).join(',')}}`);
    expect(legibleMembers(text, identifyingMembers)).toEqual({});
  }
  expect(parse.mock.calls.length).toBeLessThanOrEqual(3 * identifyingMembers.length);
  parse.mockRestore();
});
