import { inOrder } from './completed-event.ts';
import type { Edit } from './event.ts';
import { membersOf, type JsonMember } from './json-scan.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * The edits that complete an event with `context.replay` in it, `{"id": …}` of the replay that sends it, in place of one
 * that it had. All other members of its context stay byte for byte. A context that is no object is left as it was sent.
 * @param raw the sender's JSON @param edits what completes it, in the order of their offsets
 */
export function withReplayMarker(raw: Uint8Array, edits: readonly Edit[], replayId: string): Edit[] {
  const own = membersOf(raw).findLast(({ key }) => key === 'context');
  if (own !== undefined && own.kind !== 'object' && own.kind !== 'null') return [...edits];
  const made = edits.find(bringsContext);
  const members = [
    `"replay":${JSON.stringify({ id: replayId })}`,
    ...(made === undefined ? [] : otherMembers(encoder.encode(objectOf(made[3]!, own)))),
    ...(own?.kind === 'object' ? otherMembers(raw, own.valueStart) : []),
  ];
  const text = `{${members.join(',')}}`;
  const edit: Edit =
    own === undefined
      ? ['context', 1, 0, `"context":${text},`]
      : ['context', own.valueStart, own.valueEnd - own.valueStart, text];
  return inOrder([...edits.filter((one) => !bringsContext(one)), edit]);
}

/** An edit that only cuts a duplicate brings nothing. */
function bringsContext([name, , , insert]: Edit): boolean {
  return name === 'context' && insert !== undefined && insert !== '';
}

/** What a batch gave to the event, as an object: the edit has it as a member, in place of null, or as more members. */
function objectOf(insert: string, own: JsonMember | undefined): string {
  if (own === undefined) return insert.slice('"context":'.length, -1);
  if (own.kind === 'null') return insert;
  return `{${insert.endsWith(',') ? insert.slice(0, -1) : insert}}`;
}

function otherMembers(json: Uint8Array, start = 0): string[] {
  return membersOf(json, start)
    .filter(({ key }) => key !== 'replay')
    .map(({ keyStart, valueEnd }) => decoder.decode(json.subarray(keyStart, valueEnd)));
}
