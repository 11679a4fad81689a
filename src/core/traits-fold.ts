import { inOrder } from './completed-event.ts';
import type { ArchivedEvent, Edit } from './event.ts';
import { membersOf, type JsonMember } from './json-scan.ts';

const decoder = new TextDecoder();

/**
 * The traits of several identify calls of one user as one, key by key. Calls are taken from the newest to the oldest, so
 * the first that has a key decides it. Values stay byte for byte as they were sent; an object is one value.
 */
export class TraitsFold {
  readonly #decided = new Set<string>();
  /** `"key":value`, as they were sent. */
  readonly #members: string[] = [];

  /** No trait is left to send. */
  get isEmpty(): boolean {
    return this.#members.length === 0;
  }

  /** A newer call that is none of them: what it sets, nobody older decides. */
  keepOut({ raw }: Pick<ArchivedEvent, 'raw'>): void {
    for (const { key } of traitsOf(raw)) this.#decided.add(key);
  }

  /** The next older call. */
  add({ raw }: Pick<ArchivedEvent, 'raw'>): void {
    const own = new Map(traitsOf(raw).map((member) => [member.key, member])); // of a key twice the last counts
    for (const [key, { keyStart, valueEnd }] of own) {
      if (this.#decided.has(key)) continue;
      this.#decided.add(key);
      this.#members.push(decoder.decode(raw.subarray(keyStart, valueEnd)));
    }
  }

  /** An event with the traits of all that were added in place of its own. */
  into(event: ArchivedEvent): ArchivedEvent {
    const own = traitsMember(event.raw);
    if (own === undefined && this.isEmpty) return event;
    const text = `{${this.#members.join(',')}}`;
    const edit: Edit =
      own === undefined
        ? ['traits', 1, 0, `"traits":${text},`]
        : ['traits', own.valueStart, own.valueEnd - own.valueStart, text];
    return withEdits(event, inOrder([...(JSON.parse(event.edits) as Edit[]), edit]));
  }
}

/** None where the traits are no object, or there is no text any more. */
function traitsOf(raw: Uint8Array): JsonMember[] {
  const own = raw.length === 0 ? undefined : traitsMember(raw);
  return own?.kind === 'object' ? membersOf(raw, own.valueStart) : [];
}

function traitsMember(raw: Uint8Array): JsonMember | undefined {
  return membersOf(raw).findLast(({ key }) => key === 'traits');
}

/** Members are named one by one: an event of a page reads them from its bytes when it is asked for them. */
function withEdits(event: ArchivedEvent, edits: readonly Edit[]): ArchivedEvent {
  return {
    position: event.position,
    receivedAt: event.receivedAt,
    timestamp: event.timestamp,
    sourceId: event.sourceId,
    origin: event.origin,
    type: event.type,
    name: event.name,
    userId: event.userId,
    anonymousId: event.anonymousId,
    messageId: event.messageId,
    live: event.live,
    bucket: event.bucket,
    integrations: event.integrations,
    raw: event.raw,
    edits: JSON.stringify(edits),
  };
}
