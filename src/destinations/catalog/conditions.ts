import type { Conditions } from './document.ts';

/**
 * Whether conditions hold for values; null when it depends on the event, because a mapping says how to find a value
 * instead of what it is.
 */
export function holds(
  { match, conditions }: Conditions,
  values: Readonly<Record<string, unknown>>,
): boolean | null {
  const results = conditions.map(({ field, operator, ...asked }) => {
    const actual = valueAt(values, field);
    if (isMapped(actual)) return null;
    const is = 'value' in asked ? isOneOf(actual, asked.value) : actual === undefined || actual === null;
    return operator === 'is' ? is : !is;
  });
  const decisive = match === 'any';
  if (results.includes(decisive)) return decisive;
  return results.includes(null) ? null : !decisive;
}

function valueAt(values: Readonly<Record<string, unknown>>, field: string): unknown {
  let value: unknown = values;
  for (const name of field.split('.')) {
    if (isMapped(value)) return value;
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}

const isOneOf = (actual: unknown, asked: unknown) =>
  Array.isArray(asked) ? asked.includes(actual) : actual === asked;

/** Whether a value of a mapping is a directive, to be resolved for each event. */
export function isMapped(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && Object.keys(value).some((name) => name.startsWith('@'));
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
