import type { Field } from './document.ts';

/**
 * What is wrong with a value that stands in a mapping or in settings as it is, or null. Texts that are numbers or
 * booleans pass as such, and the other way round, as the catalog's framework converts them.
 * @param value neither null nor an object nor an array
 */
export function literalProblem(field: Field, value: unknown): string | null {
  return typeProblem(field, value) ?? choiceProblem(field, value) ?? boundProblem(field, value);
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
