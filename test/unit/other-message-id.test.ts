import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyEdits, findEdits, noBatchMembers, type Stamps } from '../../src/core/completed-event.ts';
import { membersOf } from '../../src/core/json-scan.ts';
import { withMessageId } from '../../src/core/other-message-id.ts';
import { objectText } from '../support/json-text.ts';
import { duplicable, nested } from '../support/sent-event.ts';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const stamps: fc.Arbitrary<Stamps> = fc.record({
  timestamp: fc.option(text),
  keepOriginal: fc.boolean(),
  receivedAt: fc.option(text),
  messageId: text,
  type: fc.constant(null),
});
const decode = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test('the completed event has the other messageId, once, and is the same in all else', () => {
  fc.assert(
    fc.property(objectText(nested, duplicable, 9), stamps, text, (event, stamp, messageId) => {
      const raw = Buffer.from(event.text);
      // Where the sender has one that can be used, nothing stamps it.
      const own = membersOf(raw).some(({ key, kind }) => key === 'messageId' && kind === 'string');
      const edits = findEdits(raw, noBatchMembers, { ...stamp, messageId: own ? null : stamp.messageId });
      const before = JSON.parse(decode(applyEdits(raw, edits))) as Record<string, unknown>;
      const completed = applyEdits(raw, withMessageId(raw, edits, messageId));
      expect(JSON.parse(decode(completed))).toEqual({ ...before, messageId });
      expect(membersOf(completed).filter(({ key }) => key === 'messageId')).toHaveLength(1);
    }),
  );
});
