import type { Draft } from './draft.ts';
import { personOf, thingOf, type Person, type Thing } from './identity.ts';
import {
  extended,
  objectText,
  otherMembers,
  partAt,
  partsAt,
  sliceOf,
  type Entry,
  type Part,
} from './json-part.ts';

/** One end of a relationship, and what the relationship says. */
export interface Relation {
  readonly person: Person | null;
  readonly thing: Thing | null;
  readonly attributes: Uint8Array | null;
  /** What has no place, as it was sent. */
  readonly others: readonly Uint8Array[];
}

/** What a relationship is told about: added, or taken away. */
export type RelationAction = 'add_relationships' | 'delete_relationships';

/**
 * The relationships in a member. @param end what they name: the other end is told elsewhere
 * @returns null when it is no array of them, or one names nothing
 */
export function relationsOf(part: Part, member: string, end: 'person' | 'thing'): Relation[] | null {
  const parts = partsAt(part, member);
  if (parts === null || parts.length === 0) return null;
  const relations = parts.map((each) => relationOf(each, end));
  return relations.every((relation) => relation !== null) ? relations : null;
}

function relationOf(part: Part, end: 'person' | 'thing'): Relation | null {
  const identifiers = partAt(part, 'identifiers');
  const person = end === 'person' ? personOf(identifiers) : null;
  const thing = end === 'thing' ? thingOf(identifiers) : null;
  const named = person ?? thing;
  if (named === null) return null;
  const placed = new Set(['relationship_attributes', ...(named.isAll ? ['identifiers'] : [])]);
  const attributes = sliceOf(part, 'relationship_attributes');
  return { person, thing, attributes, others: otherMembers(part, placed) };
}

/** Relationships whose things are known: who has them is the caller's to say. */
export function relationDrafts(relations: readonly Relation[], action: RelationAction): Draft[] {
  return relations.map(({ person, thing, attributes, others }) => ({
    ...(action === 'add_relationships' ? added(thing!, null, attributes) : dropped(thing!, attributes)),
    person,
    placed: [],
    others,
  }));
}

type Call = Pick<Draft, 'type' | 'entries' | 'context'>;

/** A thing, and whose it is. @param traits the thing's own attributes */
export function added(thing: Thing, traits: Part | null, relationship: Uint8Array | null): Call {
  const all = extended(traits, [
    ['objectTypeId', thing.objectTypeId],
    ['relationshipAttributes', relationship],
  ]);
  return {
    type: 'group',
    entries: [
      ['groupId', thing.groupId],
      ['traits', all],
    ],
  };
}

/** A thing that is somebody's no more. */
export function dropped(thing: Thing, relationship: Uint8Array | null): Call {
  return ended('Relationship Deleted', thing, [['relationshipAttributes', relationship]]);
}

/** The end of a thing, or of a relationship with it. */
export function ended(event: string, thing: Thing, entries: readonly Entry[]): Call {
  const properties = objectText([
    ['objectId', thing.groupId],
    ['objectTypeId', thing.objectTypeId],
    ...entries,
  ]);
  return {
    type: 'track',
    entries: [
      ['event', JSON.stringify(event)],
      ['properties', properties],
    ],
    context: [['groupId', thing.groupId]],
  };
}
