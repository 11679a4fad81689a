import { idText, type UserIds } from '../../../core/new-event.ts';
import { isId } from '../../../core/rejection.ts';
import { isFault, lacking, type Draft, type Fault, type Operation } from './draft.ts';
import { personOf, userIdsOf, type Person } from './identity.ts';
import { extended, partAt, sliceOf, type Entry, type Part } from './json-part.ts';
import { deletedThing, identifiedThing, thingAdded, thingDropped } from './things.ts';
import { relationsOf, relationDrafts } from './relations.ts';

type Mapping = (operation: Operation) => readonly Draft[] | Fault;

/**
 * What each operation is in the words of the Segment spec. Where the spec has no word for it, it is what Customer.io's
 * own Data Pipelines call it, so that sent on to Customer.io it does there what it did here (docs.customer.io,
 * integrations/data-in/semantic-events/cio-journeys, and the fields of its destination,
 * github.com/segmentio/action-destinations, customerio):
 * - devices, deletion and suppression of a person: track calls "Device Created or Updated" and "Device Deleted" with
 *   `context.device`, "User Deleted", "User Suppressed", "User Unsuppressed";
 * - a thing, and each relationship of a person with one: a group call with `traits.objectTypeId` and
 *   `traits.relationshipAttributes`;
 * - their ends: track calls "Object Deleted" and "Relationship Deleted" with `context.groupId`, `properties.objectId`
 *   and `properties.objectTypeId`;
 * - a merge: an alias call, from the secondary person to the primary one;
 * - what became of a message: the track call "Report Delivery Event".
 * Attributes are traits or properties byte for byte. A thing or a message alone belongs to nobody.
 */
const mappings: Readonly<Record<string, Mapping>> = {
  'person.identify': identified,
  'person.event': (operation) => happened(operation, 'track', 'event'),
  'person.page': (operation) => happened(operation, 'page', 'name'),
  'person.screen': (operation) => happened(operation, 'screen', 'name'),
  'person.delete': (operation) => changed(operation, 'User Deleted'),
  'person.suppress': (operation) => changed(operation, 'User Suppressed'),
  'person.unsuppress': (operation) => changed(operation, 'User Unsuppressed'),
  'person.add_device': (operation) => device(operation, 'Device Created or Updated'),
  'person.delete_device': (operation) => device(operation, 'Device Deleted'),
  'person.add_relationships': (operation) => related(operation, 'add_relationships'),
  'person.delete_relationships': (operation) => related(operation, 'delete_relationships'),
  'person.merge': merged,
  'object.identify': identifiedThing,
  'object.identify_anonymous': identifiedThing,
  'object.delete': deletedThing,
  'object.add_relationships': thingAdded,
  'object.delete_relationships': thingDropped,
  'delivery.event': reported,
};

/** The events that an operation is. @returns what is wrong with it otherwise */
export function draftsOf(operation: Operation): readonly Draft[] | Fault {
  const { value } = operation.item;
  const { type, action } = value;
  // What is no text is not made one: objects may have a member `toString`.
  const name = typeof type === 'string' && typeof action === 'string' ? `${type}.${action}` : '';
  if (!Object.hasOwn(mappings, name)) {
    const types: readonly unknown[] = ['person', 'object', 'delivery'];
    const field = types.includes(type) ? 'action' : 'type';
    const known = Object.keys(mappings).join(', ');
    return { code: 'unknown_operation', field, message: `No such operation. By type and action: ${known}.` };
  }
  for (const field of ['attributes', 'device', 'identifiers']) {
    const sent = value[field];
    if (sent === undefined || sent === null || partAt(operation.item, field) !== null) continue;
    const name = field === 'attributes' ? operation.attributesName : field;
    return lacking(name, `"${name}" has to be an object.`);
  }
  return mappings[name]!(operation);
}

/** What `peopleOf` looks at. */
export const namingMembers = [
  'type',
  'action',
  'identifiers',
  'primary',
  'secondary',
  'cio_relationships',
  'attributes',
  'anonymous_id',
] as const;

/** Everybody whom an operation names, also one that cannot be taken. */
export function peopleOf(item: Part | null): readonly UserIds[] {
  if (item === null) return [];
  const { type, action } = item.value;
  const identifiers = type === 'object' || type === 'delivery' ? [] : [partAt(item, 'identifiers')];
  const named = [...identifiers, partAt(item, 'primary'), partAt(item, 'secondary')].map(personOf);
  const related = relationsOf(item, 'cio_relationships', 'person') ?? [];
  const attributes = action === 'identify' ? partAt(item, 'attributes') : null;
  const anonymous = [item, attributes].map((part) => part && idText('anonymous_id', part.value, part.json));
  return [
    ...[...named, ...related.map(({ person }) => person)].flatMap((person) => userIdsOf(person) ?? []),
    ...anonymous.flatMap((anonymousId) => (anonymousId === null ? [] : [{ userId: null, anonymousId }])),
  ];
}

interface About {
  readonly person: Person;
  /** The members that said so. */
  readonly placed: readonly string[];
}

const nobody: Person = { userId: null, anonymousId: null, email: null, isAll: true };

function about({ item, isAnonymous }: Operation): About | Fault {
  const person = personOf(partAt(item, 'identifiers')) ?? (isAnonymous ? nobody : null);
  if (person === null)
    return lacking('identifiers', 'It names nobody: send "identifiers" with an id, email or cio_id.');
  const takesAnonymous = person.anonymousId === null && isId(item.value['anonymous_id']);
  return {
    person: takesAnonymous ? { ...person, anonymousId: sliceOf(item, 'anonymous_id') } : person,
    placed: [...(person.isAll ? ['identifiers'] : []), ...(takesAnonymous ? ['anonymous_id'] : [])],
  };
}

function identified(operation: Operation): readonly Draft[] | Fault {
  const { item } = operation;
  const whom = about(operation);
  if (isFault(whom)) return whom;
  const attributes = partAt(item, 'attributes');
  const anonymousId =
    whom.person.anonymousId ??
    (attributes !== null && isId(attributes.value['anonymous_id'])
      ? sliceOf(attributes, 'anonymous_id')
      : null);
  const person = { ...whom.person, anonymousId };
  const hasEmail = attributes !== null && attributes.members.has('email');
  const traits = extended(attributes, [['email', hasEmail ? null : person.email]]);
  const { relations, placed } = ownRelations(item, attributes);
  const draft: Draft = {
    type: 'identify',
    person,
    entries: [['traits', traits]],
    placed: [...whom.placed, 'attributes', ...placed],
  };
  return [draft, ...relations.map((relation) => ({ ...relation, person }))];
}

/** Relationships that an update of a person brings along: as v2 has them, or as an attribute of v1. */
function ownRelations(item: Part, attributes: Part | null) {
  const beside = relationsOf(item, 'cio_relationships', 'thing');
  if (beside !== null)
    return { relations: relationDrafts(beside, 'add_relationships'), placed: ['cio_relationships'] };
  const within = attributes === null ? null : partAt(attributes, 'cio_relationships');
  const relations = within === null ? null : relationsOf(within, 'relationships', 'thing');
  const action = within?.value['action'];
  const known = action === 'add_relationships' || action === 'delete_relationships';
  return { relations: relations !== null && known ? relationDrafts(relations, action) : [], placed: [] };
}

function happened(operation: Operation, type: 'track' | 'page' | 'screen', key: string) {
  const { item } = operation;
  const whom = about(operation);
  if (isFault(whom)) return whom;
  const name = item.value['name'];
  if (typeof name !== 'string' || name === '') return lacking('name', 'The event has no "name".');
  const attributes = item.value['attributes'] === null ? null : sliceOf(item, 'attributes');
  const entries: Entry[] = [
    [key, sliceOf(item, 'name')],
    ['properties', attributes],
  ];
  return [{ type, person: whom.person, entries, placed: [...whom.placed, 'name', 'attributes'] }];
}

function changed(operation: Operation, event: string): readonly Draft[] | Fault {
  const whom = about(operation);
  if (isFault(whom)) return whom;
  const entries: Entry[] = [['event', JSON.stringify(event)]];
  return [{ type: 'track', person: whom.person, entries, placed: whom.placed }];
}

/** v1 calls a device's token its id; what Customer.io calls platform is `type` in a context. */
function device(operation: Operation, event: string): readonly Draft[] | Fault {
  const whom = about(operation);
  if (isFault(whom)) return whom;
  const sent = partAt(operation.item, 'device');
  const token = sent === null ? null : (['token', 'id'] as const).find((key) => isId(sent.value[key]));
  if (sent === null || token === undefined || token === null)
    return lacking('device', 'It names no device: send "device" with its token (v1: its id).');
  const named = extended(sent, [
    ['token', token === 'token' ? null : sliceOf(sent, token)],
    ['type', sent.members.has('type') ? null : sliceOf(sent, 'platform')],
  ]);
  const entries: Entry[] = [['event', JSON.stringify(event)]];
  const context: Entry[] = [['device', named]];
  return [{ type: 'track', person: whom.person, entries, context, placed: [...whom.placed, 'device'] }];
}

function related(operation: Operation, action: 'add_relationships' | 'delete_relationships') {
  const whom = about(operation);
  if (isFault(whom)) return whom;
  const relations = relationsOf(operation.item, 'cio_relationships', 'thing');
  if (relations === null)
    return lacking('cio_relationships', 'Send "cio_relationships" with the identifiers of objects.');
  return relationDrafts(relations, action).map((draft) => ({
    ...draft,
    person: whom.person,
    placed: [...whom.placed, 'cio_relationships'],
  }));
}

function merged({ item }: Operation): readonly Draft[] | Fault {
  const primary = personOf(partAt(item, 'primary'));
  const secondary = personOf(partAt(item, 'secondary'));
  if (primary === null || primary.userId === null)
    return lacking('primary', 'Name who stays in "primary", by id, email or cio_id.');
  if (secondary === null || secondary.userId === null)
    return lacking('secondary', 'Name who goes in "secondary", by id, email or cio_id.');
  const placed = [...(primary.isAll ? ['primary'] : []), ...(secondary.isAll ? ['secondary'] : [])];
  return [{ type: 'alias', person: primary, entries: [['previousId', secondary.userId]], placed }];
}

function reported({ item }: Operation): readonly Draft[] | Fault {
  const delivery = partAt(item, 'identifiers');
  if (delivery === null || !isId(delivery.value['id']))
    return lacking('identifiers', 'It names no message: send the delivery_id.');
  const metric = item.value['name'];
  if (typeof metric !== 'string' || metric === '') return lacking('name', 'It names no metric.');
  const properties = extended(partAt(item, 'attributes'), [
    ['deliveryId', sliceOf(delivery, 'id')],
    ['metric', sliceOf(item, 'name')],
  ]);
  const entries: Entry[] = [
    ['event', JSON.stringify('Report Delivery Event')],
    ['properties', properties],
  ];
  const placed = ['name', 'attributes', ...(delivery.members.size === 1 ? ['identifiers'] : [])];
  return [{ type: 'track', person: null, entries, placed }];
}
