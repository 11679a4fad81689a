import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyEdits, batchMembersOf, findEdits, type Stamps } from '../../src/core/completed-event.ts';
import { membersOf } from '../../src/core/json-scan.ts';
import { withReplayMarker } from '../../src/core/replay-marker.ts';

const id = '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914';
const decode = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const big = '{"n":9007199254740993,"t":"\\u0000 ✓"}';
const member = fc.constantFrom(`"replay":{"id":"older"}`, `"app":${big}`, `"ip":"::1"`, `"a,}":"}, \\""`);
const object = fc
  .uniqueArray(member, { maxLength: 4 })
  .chain((members) => fc.constantFrom(`{${members.join(',')}}`, `{ ${members.join(' , ')} }`));
const context = fc.oneof(object, fc.constant('null'));
const stamps: Stamps = {
  timestamp: '2026-05-01T00:00:00.000Z',
  keepOriginal: true,
  receivedAt: '2026-05-01T00:00:01.000Z',
  messageId: null,
  type: null,
};

/** An event with any contexts of its own, of which the last counts, and a batch that has one. */
const sent = fc
  .tuple(
    fc.array(context, { maxLength: 2 }),
    object,
    fc.boolean(),
    fc.constantFrom([], ['"writeKey":"w"'], ['"sentAt":"2026-05-01T00:00:00Z"']),
  )
  .map(([own, batch, first, front]) => {
    const contexts = own.map((text) => `"context":${text}`);
    const rest = ['"messageId":"m"', '"timestamp":"2026-05-01T00:00:00Z"', '"type":"track"'];
    const members = first ? [...contexts, ...rest] : [...rest, ...contexts];
    const raw = Buffer.from(`{${[...front, ...members].join(',')}}`);
    const given = Buffer.from(batch);
    const inherited = batchMembersOf(given, { valueStart: 0, valueEnd: given.length, kind: 'object' });
    return { raw, edits: findEdits(raw, { context: inherited, integrations: [] }, stamps) };
  });

test('the completed event says which replay sends it, once, and is the same in all else', () => {
  fc.assert(
    fc.property(sent, ({ raw, edits }) => {
      const before = JSON.parse(decode(applyEdits(raw, edits))) as { context?: object };
      const completed = applyEdits(raw, withReplayMarker(raw, edits, id));
      expect(JSON.parse(decode(completed))).toEqual({
        ...before,
        context: { ...before.context, replay: { id } },
      });
      const [own, ...more] = membersOf(completed).filter(({ key }) => key === 'context');
      expect(more).toEqual([]);
      const keys = membersOf(completed, own!.valueStart).map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
      if (keys.includes('app')) expect(decode(completed)).toContain(`"app":${big}`);
    }),
    { numRuns: 500 },
  );
});

test('a context that is no object stays as it was sent', () => {
  const raw = Buffer.from('{"context":"mobile","type":"track","messageId":"m"}');
  expect(decode(applyEdits(raw, withReplayMarker(raw, [], id)))).toBe(decode(raw));
});
