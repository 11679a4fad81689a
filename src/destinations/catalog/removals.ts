import { isDeepStrictEqual } from 'node:util';
import { isMapped, isObject } from './conditions.ts';
import { syncModeField } from './describe-field.ts';
import type { CatalogAction, Field, SyncMode } from './document.ts';
import { inWords } from './in-words.ts';

type Mapping = Readonly<Record<string, unknown>>;
type Literal = string | number | boolean;

/** A field by which a mapping can make its action take something away. */
export interface RemovingField {
  /** `field`, or `object.member`; null: the sync mode. */
  readonly field: string | null;
  /** The values that do. */
  readonly values: readonly Literal[];
}

/** What a mapping says of such a field; `value` null: what the event says decides. */
export interface Removal {
  readonly field: string | null;
  readonly value: Literal | null;
  readonly values: readonly Literal[];
}

const order = /^(delete|remove|unsubscribe|suppress|erase|purge|wipe|destroy|forget)(?![a-z])/;
const state = /^(deleted|removed|unsubscribed|suppressed|erased|purged|wiped|destroyed|forgotten)(?![a-z])/;
/** What a person has said that he wants, as his events say it again. */
const preference = /^(unsubscribed|suppressed)$/i;

const meansRemoval = (text: string) => order.test(inWords(text)) || state.test(inWords(text));

/** All fields of an action that can make it take something away. */
export function removingFields({
  fields,
  syncMode,
}: Pick<CatalogAction, 'fields' | 'syncMode'>): readonly RemovingField[] {
  const modes = removingModes(syncMode);
  return [...(modes.length === 0 ? [] : [{ field: null, values: modes }]), ...fieldsBelow(fields, '')];
}

/** `mirror` leaves of an audience what it is told of, and nothing else. */
function removingModes(syncMode: SyncMode | null): readonly Literal[] {
  const values = syncMode?.choices.map(({ value }) => value) ?? [];
  return values.filter((value) => value === 'mirror' || meansRemoval(String(value)));
}

function fieldsBelow(fields: readonly Field[], above: string): readonly RemovingField[] {
  return fields.flatMap((field) => {
    const name = `${above}${field.name}`;
    const values = removingValues(field);
    const own = values.length === 0 ? [] : [{ field: name, values }];
    return [...own, ...fieldsBelow(field.fields ?? [], `${name}.`)];
  });
}

function removingValues({ name, type, choices = [] }: Field): readonly Literal[] {
  if (type === 'boolean') return meansRemoval(name) ? [true] : [];
  // A label that names a state may be of something that is only told: a mail that was "Suppressed".
  return choices
    .filter(({ value, label }) => meansRemoval(String(value)) || order.test(inWords(label)))
    .map(({ value }) => value);
}

/**
 * What in a mapping makes its action take something away, or may; what it surely does stands first. That somebody's
 * subscription is mapped as the definition itself suggests is as any trait of his.
 */
export function removalsIn(action: Pick<CatalogAction, 'fields' | 'syncMode'>, mapping: Mapping): Removal[] {
  const mode = mapping[syncModeField] ?? action.syncMode?.default;
  const found = removingFields(action).flatMap(({ field, values }): Removal[] => {
    const given = field === null ? [mode] : literalsAt(mapping, field.split('.'));
    if (given === null) {
      const isTrait = values.every((one) => preference.test(String(one)));
      return isTrait && isAsSuggested(action, mapping, field!) ? [] : [{ field, values, value: null }];
    }
    const value = values.find((one) => given.some((text) => String(text) === String(one)));
    return value === undefined ? [] : [{ field, values, value }];
  });
  return found.toSorted((a, b) => Number(a.value === null) - Number(b.value === null));
}

function isAsSuggested({ fields }: Pick<CatalogAction, 'fields'>, mapping: Mapping, field: string): boolean {
  const [name = '', ...below] = field.split('.');
  const suggested = fields.find((one) => one.name === name)?.default;
  const at = (value: unknown) =>
    below.reduce<unknown>((member, one) => (isObject(member) ? member[one] : undefined), value);
  return isDeepStrictEqual(at(mapping[name]), at(suggested));
}

/** All that a mapping can make of a member, which may stand in each item of a list; null: the event decides. */
function literalsAt(value: unknown, path: readonly string[]): readonly unknown[] | null {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return together(value.map((item) => literalsAt(item, path)));
  if (isMapped(value)) return literalsOf(value, path);
  const [name, ...rest] = path;
  if (name === undefined) return [value];
  return isObject(value) && Object.hasOwn(value, name) ? literalsAt(value[name], rest) : [];
}

/** What a directive can give where that does not depend on the event, but for which of several it is. */
function literalsOf(directive: Mapping, path: readonly string[]): readonly unknown[] | null {
  const [name = ''] = Object.keys(directive).filter((key) => key.startsWith('@'));
  const given = directive[name];
  if (name === '@if' && isObject(given))
    return together([literalsAt(given['then'], path), literalsAt(given['else'], path)]);
  if (name === '@literal') return literalsAt(given, path);
  if (name === '@template' && typeof given === 'string' && !given.includes('{{'))
    return literalsAt(given, path);
  // Each item as the shape says, which is told how by a second part.
  if (name === '@arrayPath' && Array.isArray(given) && isObject(given[1])) return literalsAt(given[1], path);
  return null;
}

function together(parts: readonly (readonly unknown[] | null)[]): readonly unknown[] | null {
  return parts.some((part) => part === null) ? null : parts.flatMap((part) => part ?? []);
}
