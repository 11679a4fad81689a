import type { Field } from './document.ts';

/**
 * What is wrong with a value that stands in a mapping or in settings as it is, or null. Texts that are numbers or
 * booleans pass as such, and the other way round, as the catalog's framework converts them.
 * @param value neither null nor an object nor an array
 */
export function literalProblem(field: Field, value: unknown): string | null {
  return (
    typeProblem(field, value) ??
    timeProblem(field, value) ??
    choiceProblem(field, value) ??
    boundProblem(field, value)
  );
}

function typeProblem({ type }: Field, value: unknown): string | null {
  switch (type) {
    case 'number':
      return isNumeric(value) ? null : 'Expected a number.';
    case 'integer':
      return isNumeric(value) && Number.isInteger(Number(value)) ? null : 'Expected an integer.';
    case 'boolean':
      return typeof value === 'boolean' || value === 'true' || value === 'false'
        ? null
        : 'Expected a boolean.';
    case 'object':
      return 'Expected an object.';
    case 'datetime':
      return typeof value === 'string' || typeof value === 'number' ? null : 'Expected a time.';
    case 'string':
    case 'text':
    case 'password':
      return null;
    default:
      return type satisfies never;
  }
}

const isNumeric = (value: unknown) =>
  typeof value === 'number' ||
  (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)));

/** The framework refuses each event by the same rules: a field without a format of its own takes times in many ways. */
function timeProblem({ type, format }: Field, value: unknown): string | null {
  if (format === 'date') return isDate(value) ? null : 'Expected a date such as "2026-10-14".';
  if (format === 'date-time' && (type !== 'datetime' || typeof value === 'string'))
    return isDateTime(value) ? null : 'Expected an RFC 3339 time such as "2026-10-14T02:00:00Z".';
  if (type !== 'datetime' || isNumeric(value) || !Number.isNaN(Date.parse(String(value)))) return null;
  return 'Expected a time such as "2026-10-14T02:00:00Z".';
}

const isDate = (value: unknown) => {
  const text = String(value);
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text); // 30 February is 2 March to it
};

const isDateTime = (value: unknown) => {
  const [date = '', time = '', ...more] = String(value).split(/t|\s/i);
  return (
    more.length === 0 && isDate(date) && /^\d\d:\d\d:\d\d(?:\.\d+)?(?:z|[+-]\d\d(?::?\d\d)?)$/i.test(time)
  );
};

function choiceProblem({ choices, dynamic }: Field, value: unknown): string | null {
  if (choices === undefined || dynamic === true) return null;
  if (choices.some((choice) => choice.value === value || String(choice.value) === String(value))) return null;
  const all = choices.map((choice) => JSON.stringify(choice.value));
  const shown =
    all.length <= 12 ? all.join(', ') : `${all.slice(0, 10).join(', ')} and ${all.length - 10} more`;
  return `Expected one of: ${shown}.`;
}

function boundProblem({ type, minimum, maximum, label }: Field, value: unknown): string | null {
  const isText = type === 'string' || type === 'text' || type === 'password';
  const size = isText ? String(value).length : Number(value);
  const unit = isText ? ' characters' : '';
  if (minimum !== undefined && size < minimum) return `"${label}" takes at least ${minimum}${unit}.`;
  if (maximum !== undefined && size > maximum) return `"${label}" takes at most ${maximum}${unit}.`;
  return null;
}
