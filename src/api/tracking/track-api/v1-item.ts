import { identifierEntry } from './identity.ts';
import { objectText, otherMembers, sliceOf, type Entry, type Part } from './json-part.ts';
import type { TrackAddress, TrackOperation } from './addresses.ts';

/** The operations of v1, which the address tells; those of v2 stand in the body. */
export type V1Operation = Exclude<TrackOperation, 'region' | 'entity' | 'batch'>;

/** A body as it came. @param part null when it is no object */
export interface V1Body {
  readonly json: Uint8Array;
  readonly part: Part | null;
}

/**
 * A request of v1 as the item of v2 that asks for the same: `{"type", "identifiers", "action", ...}` with the values
 * of the body as they were sent. What the body has beyond what its operation knows stands in the item's `body`.
 */
export function v1Item(operation: V1Operation, address: TrackAddress, body: V1Body): Uint8Array {
  const identifiers = objectText([identifierEntry(address.person)]);
  switch (operation) {
    case 'identify':
      return objectText([...head('person', operation, identifiers), ['attributes', body.json]]);
    case 'event':
      return eventItem(body, identifiers);
    case 'anonymous_event':
      return eventItem(body, null);
    case 'add_device':
      return item(body, head('person', operation, identifiers), { device: 'device' });
    case 'delete_device': {
      const device = objectText([['token', JSON.stringify(address.device)]]);
      return item(body, [...head('person', operation, identifiers), ['device', device]], {});
    }
    case 'merge':
      return item(body, head('person', operation, null), { primary: 'primary', secondary: 'secondary' });
    case 'metric':
      return deliveryItem(body, 'metric');
    case 'push_metric':
      return deliveryItem(body, 'event');
    case 'delete':
    case 'suppress':
    case 'unsuppress':
      return item(body, head('person', operation, identifiers), {});
  }
}

function head(type: 'person' | 'delivery', action: string, identifiers: Uint8Array | null): Entry[] {
  return [
    ['type', JSON.stringify(type)],
    ['identifiers', identifiers],
    ['action', JSON.stringify(action)],
  ];
}

/** Any type but page and screen is an event's. */
function eventItem(body: V1Body, identifiers: Uint8Array | null): Uint8Array {
  const type = body.part?.value['type'];
  const action = type === 'page' || type === 'screen' ? type : 'event';
  return item(body, head('person', action, identifiers), {
    type: null,
    name: 'name',
    id: 'id',
    timestamp: 'timestamp',
    anonymous_id: 'anonymous_id',
    data: 'attributes',
  });
}

function deliveryItem(body: V1Body, metric: 'metric' | 'event'): Uint8Array {
  const id = body.part === null ? null : sliceOf(body.part, 'delivery_id');
  const names = { delivery_id: null, [metric]: 'name', timestamp: 'timestamp' };
  const known = new Set(Object.keys(names));
  const attributes = body.part === null ? null : objectText([], otherMembers(body.part, known));
  const all: Entry[] = [
    ...head('delivery', 'event', objectText([['id', id]])),
    ...renamed(body, names),
    ['attributes', attributes],
    ['body', body.part === null ? body.json : null],
  ];
  return objectText(all);
}

/** @param names of the body's members in the item; null: not taken over */
function item(
  body: V1Body,
  entries: readonly Entry[],
  names: Readonly<Record<string, string | null>>,
): Uint8Array {
  const { part, json } = body;
  const others = part === null ? [] : otherMembers(part, new Set(Object.keys(names)));
  const rest = part === null ? json : others.length > 0 ? objectText([], others) : null;
  return objectText([...entries, ...renamed(body, names), ['body', rest]]);
}

function renamed({ part }: V1Body, names: Readonly<Record<string, string | null>>): Entry[] {
  return Object.entries(names).map(([name, to]) => [
    to ?? name,
    part === null || to === null ? null : sliceOf(part, name),
  ]);
}
