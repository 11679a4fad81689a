import { findJsonFault, findRepeatedMember } from '../core/json-place.ts';

/** What a text of JSON says, or what is wrong with it, in a sentence that goes on behind a name. */
export type ReadJson =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'not_json' | 'repeated'; readonly fault: string };

/**
 * Reads JSON as the API does: a member that stands twice is refused, because one of the two would be lost.
 * Columns count from 1.
 */
export function readJson(text: string): ReadJson {
  const fault = findJsonFault(text);
  if (fault !== null) {
    const { line, column, expected } = fault;
    return { kind: 'not_json', fault: `is not JSON (line ${line}, column ${column}: expected ${expected})` };
  }
  const twice = findRepeatedMember(text);
  if (twice === null) return { kind: 'value', value: JSON.parse(text) as unknown };
  const { name, line, column } = twice;
  return {
    kind: 'repeated',
    fault: `has ${JSON.stringify(name)} twice, the second time at line ${line}, column ${column}`,
  };
}
