import { idText, type UserIds } from '../../../core/new-event.ts';
import { isId, type JsonObject } from '../../../core/rejection.ts';
import { sliceOf, type Entry, type Part, type Piece } from './json-part.ts';

/** Whom an operation is about, in the words of an event. */
export interface Person {
  /** As `userId`; null for somebody who is only known by an anonymous id. */
  readonly userId: Piece | null;
  readonly anonymousId: Piece | null;
  /** The address of somebody who is known by it. */
  readonly email: Piece | null;
  /** Nothing else stood in the identifiers. */
  readonly isAll: boolean;
}

/** A thing that is no person: a company, a course. */
export interface Thing {
  readonly groupId: Piece;
  readonly objectTypeId: Piece | null;
  readonly isAll: boolean;
}

/**
 * In this order one of them becomes the userId. Destinations of Customer.io's tell from its form which one it was: an
 * email address, or a cio_id behind `cio_` (github.com/segmentio/action-destinations, customerio/utils.ts).
 */
const userIdentifiers = ['id', 'email', 'cio_id', 'phone'] as const;

/** The person that these identifiers name; null when they name nobody. */
export function personOf(identifiers: Part | null): Person | null {
  if (identifiers === null) return null;
  const { value, members } = identifiers;
  const name = userIdentifiers.find((key) => isId(value[key]));
  const isAnonymous = isId(value['anonymous_id']);
  if (name === undefined && !isAnonymous) return null;
  const userId = name === undefined ? null : sliceOf(identifiers, name);
  return {
    userId: name === 'cio_id' && userId !== null ? canonical(userId) : userId,
    anonymousId: isAnonymous ? sliceOf(identifiers, 'anonymous_id') : null,
    email: name === 'email' ? userId : null,
    isAll: members.size === Number(name !== undefined) + Number(isAnonymous),
  };
}

/** The ids of somebody, as the archive has them. */
export function userIdsOf(person: Person | null): UserIds | null {
  if (person === null) return null;
  const { userId, anonymousId } = person;
  return { userId: plain(userId), anonymousId: plain(anonymousId) };
}

function plain(id: Piece | null): string | null {
  if (id === null) return null;
  const raw = Buffer.from(`{"id":${typeof id === 'string' ? id : Buffer.from(id).toString()}}`);
  return idText('id', JSON.parse(raw.toString()) as JsonObject, raw);
}

/** A cio_id, text or number, as it stands in addresses. */
function canonical(cioId: Uint8Array): string {
  const text = new TextDecoder().decode(cioId).replaceAll(/^"|"$/g, '');
  return `"${text.startsWith('cio_') ? text : `cio_${text}`}"`;
}

/** The thing that these identifiers name; null when they name none. */
export function thingOf(identifiers: Part | null): Thing | null {
  if (identifiers === null) return null;
  const { value, members } = identifiers;
  const name = (['object_id', 'cio_object_id'] as const).find((key) => isId(value[key]));
  if (name === undefined) return null;
  const hasType = isId(value['object_type_id']);
  return {
    groupId: sliceOf(identifiers, name)!,
    objectTypeId: hasType ? sliceOf(identifiers, 'object_type_id') : null,
    isAll: name === 'object_id' && members.size === 1 + Number(hasType),
  };
}

/** The identifiers of somebody who is named in an address: Customer.io tells what it is from its form. */
export function identifierEntry(person: string): Entry {
  if (person.startsWith('cio_')) return ['cio_id', JSON.stringify(person.slice(4))];
  return [isEmail(person) ? 'email' : 'id', JSON.stringify(person)];
}

/** One "@", and a dot behind it that is neither first nor last: linear, because anybody may send a long address. */
function isEmail(text: string): boolean {
  const domain = /^[^\s@]+@([^\s@]+)$/.exec(text)?.[1];
  return domain !== undefined && domain.slice(1, -1).includes('.');
}
