import type { Edit } from './event.ts';
import { membersOf } from './json-scan.ts';

/**
 * The edits that complete an event under another messageId.
 * @param raw the sender's JSON @param edits what completes it, in the order of their offsets
 */
export function withMessageId(raw: Uint8Array, edits: readonly Edit[], messageId: string): Edit[] {
  const text = JSON.stringify(messageId);
  const isMade = ([name, , , insert]: Edit) => name === 'messageId' && insert !== undefined && insert !== '';
  if (edits.some(isMade)) return edits.map((edit) => (isMade(edit) ? replacing(edit, text) : edit));
  const own = membersOf(raw).findLast(({ key }) => key === 'messageId');
  if (own === undefined) throw new Error('an archived event has a messageId');
  const edit: Edit = ['messageId', own.valueStart, own.valueEnd - own.valueStart, text];
  return [...edits, edit].toSorted((one, other) => one[1] - other[1]);
}

/** One that only inserts brings the whole member, one that replaces only its value. */
function replacing([name, offset, length]: Edit, text: string): Edit {
  return [name, offset, length, length === 0 ? `"${name}":${text},` : text];
}
