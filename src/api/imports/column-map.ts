import { eventTypes, type EventType } from '../../core/event.ts';
import { nearestName } from '../../core/nearest-name.ts';

/** How a cell becomes JSON. An empty cell is no member, whatever its kind. */
const cellKinds = ['text', 'number', 'boolean', 'json'] as const;
export type CellKind = (typeof cellKinds)[number];

/** Where a column's cells go: `['traits', 'email']`. */
export interface CellPlace {
  readonly path: readonly string[];
  readonly kind: CellKind;
}

/** For each column of a file the places that its cells go to; none: it is left out. */
export interface ColumnMap {
  readonly header: readonly string[];
  readonly places: readonly (readonly CellPlace[])[];
  /** Of rows without a type of their own. */
  readonly type: EventType | null;
}

/** What every call may have, and what only some types have. Source: segment-docs, connections/spec. */
const commonFields = [
  'userId',
  'anonymousId',
  'messageId',
  'timestamp',
  'originalTimestamp',
  'sentAt',
  'receivedAt',
];
const ownFields: Readonly<Record<EventType, readonly string[]>> = {
  identify: [],
  track: ['event'],
  page: ['name', 'category'],
  screen: ['name', 'category'],
  group: ['groupId'],
  alias: ['previousId'],
};
const allFields = ['type', ...commonFields, ...Object.values(ownFields).flat()];
const objects = ['properties', 'traits', 'context', 'integrations'];
/** Where columns go that are no fields, when the type of the rows is given. */
const catchAll: Readonly<Record<EventType, string | null>> = {
  identify: 'traits',
  group: 'traits',
  track: 'properties',
  page: 'properties',
  screen: 'properties',
  alias: null,
};

/**
 * Plans how the rows of a CSV file become events. A column is known by the name of a field (`userId`, also as `user_id`
 * or `User ID`) or by a path (`properties.total`); with a type for all rows every other column is one of its traits or
 * properties, and people without a user id are known by `id`, else by `email`.
 * @param asked `column:place` or `column:place:kind`, where the place `-` leaves the column out
 * @returns faults with their remedies, when the header and what is asked do not give events
 */
export function mapColumns(
  header: readonly string[],
  type: EventType | null,
  asked: readonly string[],
): ColumnMap | { readonly faults: readonly string[] } {
  if (header.length > maxColumns) {
    return { faults: [`The header has ${header.length} columns, at most ${maxColumns} are taken.`] };
  }
  const faults = headerFaults(header);
  const places = header.map((name) => placesOf(name, type));
  for (const text of asked) {
    const one = readAsked(text);
    const index = one === null ? -1 : header.indexOf(one.column);
    if (one === null) faults.push(`map ${text}: Expected column:place, for example "Email:traits.email".`);
    else if (index === -1) faults.push(`map ${text}: ${unknownColumn(one.column, header)}`);
    else if (typeof one.place === 'string') faults.push(`map ${text}: ${one.place}`);
    else places[index] = one.place;
  }
  header.forEach((name, index) => {
    if (places[index] === null) faults.push(notKnown(name, type));
  });
  const known = places.map((place) => place ?? []);
  if (type === 'identify') knowPeople(header, known);
  faults.push(...missing(known, type), ...collisions(known));
  return faults.length > 0 ? { faults } : { header, places: known, type };
}

function headerFaults(header: readonly string[]): string[] {
  const faults = new Set<string>();
  header.forEach((name, index) => {
    if (name.trim() === '')
      faults.add(`Column ${index + 1} of the header has no name. Name it, or take it out.`);
    else if (header.indexOf(name) !== index) faults.add(`Column ${name} stands twice in the header.`);
  });
  return [...faults];
}

/** Far more than a table for people has; each column is compared with all others. */
const maxColumns = 1_000;

/** A path such as `traits.email`. */
function isWithinObject(path: readonly string[]): boolean {
  return objects.includes(path[0] ?? '') && path.length > 1 && !path.includes('');
}

const plain = (name: string) => name.toLowerCase().replaceAll(/[\s_-]/g, '');

function placesOf(name: string, type: EventType | null): CellPlace[] | null {
  const fields = type === null ? allFields : ['type', ...commonFields, ...ownFields[type]];
  const field = fields.find((one) => plain(one) === plain(name));
  if (field !== undefined) return [{ path: [field], kind: 'text' }];
  const path = name.split('.');
  if (isWithinObject(path)) return [{ path, kind: 'text' }];
  const rest = type === null ? null : catchAll[type];
  return rest === null || name.trim() === '' ? null : [{ path: [rest, name.trim()], kind: 'text' }];
}

interface Asked {
  readonly column: string;
  /** A text says what is wrong with it. */
  readonly place: CellPlace[] | string;
}

function readAsked(text: string): Asked | null {
  const parts = text.split(':');
  const kind = parts.length > 2 ? cellKinds.find((one) => one === parts.at(-1)) : undefined;
  if (kind !== undefined) parts.pop();
  const place = parts.pop() ?? '';
  if (parts.length === 0 || place === '') return null;
  const column = parts.join(':');
  if (place === '-') return { column, place: [] };
  const path = place.split('.');
  if (allFields.includes(place) || isWithinObject(path)) {
    return { column, place: [{ path, kind: kind ?? 'text' }] };
  }
  const near = nearestName(place, allFields);
  const help = near === null ? 'traits.x, properties.x, context.x, or "-" to leave it out' : near;
  return { column, place: `"${place}" is no place in an event. Did you mean ${help}?` };
}

function unknownColumn(column: string, header: readonly string[]): string {
  const near = nearestName(column, header);
  return `The file has no column ${column}. ${near === null ? `It has: ${header.join(', ')}.` : `Did you mean ${near}?`}`;
}

function notKnown(name: string, type: EventType | null): string {
  const near = nearestName(name, allFields);
  const remedy = `Say where it goes (map=${name}:properties.${plain(name)}) or that it is left out (map=${name}:-)`;
  const types =
    type === null ? ', or give the type of all rows (type=identify): other columns are then its traits' : '';
  return `Column ${name} is not known. ${near === null ? '' : `Did you mean ${near}? `}${remedy}${types}.`;
}

/** People are often known by a column `id`, else by their email. */
function knowPeople(header: readonly string[], places: (readonly CellPlace[])[]): void {
  if (has(places, 'userId') || has(places, 'anonymousId')) return;
  const userId = { path: ['userId'], kind: 'text' } as const;
  const id = header.findIndex((name, index) => plain(name) === 'id' && places[index]?.length === 1);
  const email = header.findIndex((_, index) => places[index]?.some(({ path }) => isEmail(path)));
  if (id !== -1) places[id] = [userId];
  else if (email !== -1) places[email] = [userId, ...(places[email] ?? [])];
}

const isEmail = (path: readonly string[]) => path.length === 2 && plain(path[1] ?? '') === 'email';

const has = (places: readonly (readonly CellPlace[])[], field: string) =>
  places.some((list) => list.some(({ path }) => path.length === 1 && path[0] === field));

function missing(places: readonly (readonly CellPlace[])[], type: EventType | null): string[] {
  const faults: string[] = [];
  if (type === null && !has(places, 'type')) {
    const types = eventTypes.join(', ');
    faults.push(
      `No column gives the type. Add a column type, or give the type of all rows: type=identify (or ${types}).`,
    );
  }
  if (!has(places, 'userId') && !has(places, 'anonymousId')) {
    faults.push(
      'No column names a user. Add userId or anonymousId, or say which column is one: map=Customer:userId.',
    );
  }
  return faults;
}

function collisions(places: readonly (readonly CellPlace[])[]): string[] {
  const seen = new Set<string>();
  const faults: string[] = [];
  const paths = places.flat().map(({ path }) => JSON.stringify(path).slice(0, -1));
  for (const path of paths) {
    const within = paths.some((other) => other.startsWith(`${path},`));
    if (seen.has(path) || within)
      faults.push(
        `Two columns go to ${path.slice(1).replaceAll('"', '').replaceAll(',', '.')}. Leave one out: map=<column>:-.`,
      );
    seen.add(path);
  }
  return faults;
}
