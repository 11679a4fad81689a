import type { CatalogDocument, Conditions, Field } from '../../../src/destinations/catalog/document.ts';

/** A value that a field takes, as plausible as its name and type allow. */
export function madeUp(field: Field): unknown {
  const value = oneOf(field);
  return field.multiple === true && !Array.isArray(value) ? [value] : value;
}

function oneOf({ name, type, format, choices, minimum, fields }: Field): unknown {
  if (choices !== undefined && choices.length > 0) return choices[0]!.value;
  if (type === 'boolean') return true;
  if (type === 'number' || type === 'integer') return Math.max(minimum ?? 1, 1);
  if (type === 'datetime' || format === 'date-time') return '2026-01-05T10:00:00.000Z';
  if (type === 'object')
    return Object.fromEntries((fields ?? []).filter(isNeeded).map((one) => [one.name, madeUp(one)]));
  return textFor(name, format);
}

function textFor(name: string, format: string | undefined): string {
  const plain = name.toLowerCase();
  if (format === 'uri' || /url$|uri$|endpoint|instance_?url|domain_?url/.test(plain))
    return 'https://service.example.com';
  if (format === 'email' || /email/.test(plain)) return 'ada@example.com';
  if (format === 'date') return '2026-01-05';
  if (/domain|subdomain|host|account_?name|space/.test(plain)) return 'acme';
  if (/phone/.test(plain)) return '+12025550123';
  if (/currency/.test(plain)) return 'USD';
  if (/country/.test(plain)) return 'US';
  if (/(^|_)(id|ids)$|[a-z]id$|number/i.test(name)) return '12345';
  return `a-${plain.replaceAll(/[^a-z\d]+/g, '-')}`;
}

const isNeeded = ({ required }: Field) => required === true;

/** Settings that a destination of a type can be connected with: what is required, and what has a default. */
export function settingsFor({ settings }: Pick<CatalogDocument, 'settings'>): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const field of settings) {
    if (field.default !== undefined) made[field.name] = field.default;
    else if (field.required !== undefined) made[field.name] = madeUp(field);
  }
  return made;
}

/** A preset's mapping, with what its action requires beside it. */
export function mappingFor(
  fields: readonly Field[],
  mapping: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const made: Record<string, unknown> = { ...mapping };
  for (const field of fields) {
    const { name, required } = field;
    if (name in made || required === undefined || !isAsked(required, made)) continue;
    made[name] = field.default ?? madeUp(field);
  }
  return made;
}

function isAsked(required: true | Conditions, made: Readonly<Record<string, unknown>>): boolean {
  if (required === true) return true;
  const holds = required.conditions.map(({ field, operator, value }) => {
    const wanted: unknown[] = Array.isArray(value) ? value : [value];
    return wanted.includes(made[field]) === (operator === 'is');
  });
  return required.match === 'any' ? holds.includes(true) : !holds.includes(false);
}
