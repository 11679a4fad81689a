import { batchingProblem } from './batching-fields.ts';
import { checkMapped } from './check-directive.ts';
import { literalProblem } from './check-literal.ts';
import { holds, isMapped, isObject } from './conditions.ts';
import { syncModeField } from './describe-field.ts';
import type { CatalogAction, Field } from './document.ts';
import { unknownMember, type Fault } from './fault.ts';

type Path = readonly PropertyKey[];
type Mapping = Readonly<Record<string, unknown>>;

/** How the framework names the key that it matches records by. */
const matchingKeyField = '__segment_internal_matching_key';
const longestMapping = 100_000;
const deepest = 30;
/** A person mends a few at a time. */
const mostFaults = 20;

/**
 * Checks a mapping against the fields of its action, as it can be checked without an event: names, what has to be there,
 * directives, and the values that stand in it as they are. What depends on the event is checked when it is sent.
 * @returns what is wrong, at most twenty faults; paths begin in the mapping
 */
export function checkMapping(
  action: Pick<CatalogAction, 'fields' | 'syncMode' | 'hooks'>,
  mapping: unknown,
): Fault[] {
  if (!isObject(mapping)) return [{ path: [], problem: 'Expected an object.' }];
  const size = sizeProblem(mapping);
  if (size !== null) return [{ path: [], problem: size }];
  return [...knownMembers(action, mapping), ...necessary(action.fields, mapping, mapping, [])].slice(
    0,
    mostFaults,
  );
}

function sizeProblem(mapping: Mapping): string | null {
  if (isDeeperThan(mapping, deepest)) return `A mapping may be ${deepest} levels deep.`;
  const { length } = JSON.stringify(mapping);
  return length <= longestMapping
    ? null
    : `A mapping may have ${longestMapping} characters; this has ${length}.`;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}

function knownMembers(
  { fields, syncMode, hooks }: Pick<CatalogAction, 'fields' | 'syncMode' | 'hooks'>,
  mapping: Mapping,
) {
  const hookNames = hooks.map(({ name }) => name);
  const special = [...(syncMode === null ? [] : [syncModeField, matchingKeyField]), ...hookNames];
  const known = [...fields.map(({ name }) => name), ...special];
  return Object.entries(mapping).flatMap(([name, value]): Fault[] => {
    const field = fields.find((one) => one.name === name);
    if (field !== undefined) return checkField(field, value);
    if (name === syncModeField && syncMode !== null) return syncModeFaults(value, syncMode.choices);
    if (special.includes(name)) return checkMapped(value, [name]);
    return [unknownMember([], name, known)];
  });
}

function syncModeFaults(value: unknown, choices: readonly { readonly value: unknown }[]): Fault[] {
  const values = choices.map((choice) => choice.value);
  if (values.includes(value)) return [];
  return [{ path: [syncModeField], problem: `Expected one of: ${values.join(', ')}.` }];
}

function checkField(field: Field, value: unknown): Fault[] {
  const { name } = field;
  const problem = isAbsent(value) ? null : batchingProblem(field, value);
  return problem === null ? checkValue(field, value, [name]) : [{ path: [name], problem }];
}

function checkValue(field: Field, value: unknown, path: Path): Fault[] {
  // The framework takes what is null or an empty text for absent, where the field does not take it as it is.
  if (isAbsent(value)) return [];
  if (isMapped(value)) return [...checkMapped(value, path), ...checkItemShape(field, value, path)];
  if (Array.isArray(value)) {
    if (field.multiple !== true && field.type !== 'object')
      return [{ path, problem: 'Expected a single value.' }];
    return value.flatMap((item, index) => checkValue(single(field), item, [...path, index]));
  }
  if (isObject(value)) {
    return field.type === 'object'
      ? checkObject(field, value, path)
      : [{ path, problem: 'Expected no object.' }];
  }
  const problem = literalProblem(field, value);
  return problem === null ? [] : [{ path, problem }];
}

const isAbsent = (value: unknown) => value === undefined || value === null || value === '';

function single(field: Field): Field {
  const { multiple: _, ...one } = field;
  return one;
}

function checkObject(field: Field, value: Mapping, path: Path): Fault[] {
  const members = field.fields;
  if (members === undefined) return checkMapped(value, path);
  const known = members.map(({ name }) => name);
  const faults = Object.entries(value).flatMap(([name, member]) => {
    const below = members.find((one) => one.name === name);
    if (below !== undefined) return checkValue(below, member, [...path, name]);
    return field.open === true ? checkMapped(member, [...path, name]) : [unknownMember(path, name, known)];
  });
  return [...faults, ...necessary(members, value, value, path)];
}

/** `@arrayPath` says in its second part how each item is mapped: an object of the field's members. */
function checkItemShape(field: Field, directive: Mapping, path: Path): Fault[] {
  const given = directive['@arrayPath'];
  const shape: unknown = Array.isArray(given) ? given[1] : undefined;
  if (field.fields === undefined || field.open === true || !isObject(shape) || isMapped(shape)) return [];
  const known = field.fields.map(({ name }) => name);
  return Object.keys(shape)
    .filter((name) => !known.includes(name))
    .map((name) => unknownMember([...path, '@arrayPath', 1], name, known));
}

function necessary(fields: readonly Field[], mapping: Mapping, values: Mapping, path: Path): Fault[] {
  return fields
    .filter(({ name, required }) => {
      return (
        isAbsent(mapping[name]) &&
        (required === true || (required !== undefined && holds(required, values) === true))
      );
    })
    .map(({ name, label }) => ({
      path: [...path, name],
      problem: `Missing: the action needs "${label}" for every event.`,
    }));
}
