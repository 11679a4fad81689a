import { isId } from '../../../core/rejection.ts';
import { isFault, lacking, type Draft, type Fault, type Operation } from './draft.ts';
import { thingOf, type Person, type Thing } from './identity.ts';
import { partAt, sliceOf } from './json-part.ts';
import { added, dropped, ended, relationsOf, type Relation } from './relations.ts';

interface Named {
  readonly thing: Thing;
  readonly placed: readonly string[];
}

function named({ item }: Operation): Named | Fault {
  const thing = thingOf(partAt(item, 'identifiers'));
  if (thing === null)
    return lacking(
      'identifiers',
      'It names no object: send "identifiers" with object_type_id and object_id.',
    );
  return { thing, placed: thing.isAll ? ['identifiers'] : [] };
}

/** Its attributes go with the first of those who have it: destinations often need somebody. */
export function identifiedThing(operation: Operation): readonly Draft[] | Fault {
  const { item } = operation;
  const which = named(operation);
  if (isFault(which)) return which;
  const { thing } = which;
  const attributes = partAt(item, 'attributes');
  const relations = relationsOf(item, 'cio_relationships', 'person');
  const anonymous = isId(item.value['anonymous_id']) ? sliceOf(item, 'anonymous_id') : null;
  const owners: readonly Pick<Relation, 'person' | 'attributes' | 'others'>[] = relations ?? [
    { person: anonymous === null ? null : somebody(anonymous), attributes: null, others: [] },
  ];
  const placed = [
    ...which.placed,
    'attributes',
    ...(relations !== null ? ['cio_relationships'] : anonymous !== null ? ['anonymous_id'] : []),
  ];
  return owners.map((owner, index) => ({
    ...added(thing, index === 0 ? attributes : null, owner.attributes),
    person: owner.person,
    placed,
    others: owner.others,
  }));
}

function somebody(anonymousId: Uint8Array): Person {
  return { userId: null, anonymousId, email: null, isAll: true };
}

export function deletedThing(operation: Operation): readonly Draft[] | Fault {
  const which = named(operation);
  if (isFault(which)) return which;
  return [{ ...ended('Object Deleted', which.thing, []), person: null, placed: which.placed }];
}

export function thingAdded(operation: Operation): readonly Draft[] | Fault {
  return ofPeople(operation, (thing, { attributes }) => added(thing, null, attributes));
}

export function thingDropped(operation: Operation): readonly Draft[] | Fault {
  return ofPeople(operation, (thing, { attributes }) => dropped(thing, attributes));
}

function ofPeople(
  operation: Operation,
  call: (thing: Thing, relation: Relation) => Pick<Draft, 'type' | 'entries' | 'context'>,
): readonly Draft[] | Fault {
  const which = named(operation);
  if (isFault(which)) return which;
  const relations = relationsOf(operation.item, 'cio_relationships', 'person');
  if (relations === null)
    return lacking('cio_relationships', 'Send "cio_relationships" with the identifiers of people.');
  const placed = [...which.placed, 'cio_relationships'];
  return relations.map((relation) => ({
    ...call(which.thing, relation),
    person: relation.person,
    placed,
    others: relation.others,
  }));
}
