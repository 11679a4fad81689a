import { findJsonFault, findRepeatedMember } from '../core/json-place.ts';
import { problem, type Problem } from './problem.ts';

/** Largest body of the admin API after it is inflated, in bytes. */
export const bodyLimit = 1_048_576;
/** Deeper JSON parses, and then kills JSON.stringify and whoever else walks it by recursion. */
const maxDepth = 100;

/**
 * Parses a request's body as JSON in UTF-8 whose objects have each member once; an empty one is undefined.
 * @param contentType the header as it was sent
 */
export function parseBody(raw: Buffer, contentType: string | undefined): { value: unknown } | Problem {
  if (raw.length === 0) return { value: undefined };
  if (!isJsonType(contentType)) {
    return problem(
      'unsupported_media_type',
      'Send the body as JSON with the header `Content-Type: application/json`.',
    );
  }
  const text = decode(raw);
  if (text === null) return problem('malformed_json', 'The body is not UTF-8. Send JSON in UTF-8.');
  const parsed = parsedOf(text);
  if (!('value' in parsed)) return malformed(text);
  if (isDeeper(parsed.value, maxDepth)) return tooDeep;
  return repeatedMember(text) ?? parsed;
}

/** JSON.parse takes the last of two members of one name; whoever wrote both would not learn that the first was lost. */
function repeatedMember(text: string): Problem | null {
  const found = findRepeatedMember(text);
  if (found === null) return null;
  const { pointer, name, line, column } = found;
  const detail = `"${name}" stands here twice, the second time at line ${line}, column ${column}. Send it once.`;
  return problem('repeated_member', `${pointer}: ${detail}`, {
    errors: [{ pointer, detail }],
    members: { line, column },
  });
}

function parsedOf(text: string): { value: unknown } | { fault: unknown } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (fault) {
    return { fault };
  }
}

/** Level by level, as whoever goes down one by one ends at the end of his stack. */
function isDeeper(value: unknown, levels: number): boolean {
  let layer = [value];
  for (let level = 0; level <= levels && layer.length > 0; level += 1) {
    layer = layer.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return layer.length > 0;
}

const tooDeepText = `The body nests objects and arrays more than ${maxDepth} levels deep.`;
const tooDeep = problem('invalid_body', tooDeepText, { errors: [{ pointer: '', detail: tooDeepText }] });

function isJsonType(contentType: string | undefined): boolean {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const charset = parameters.map((parameter) => parameter.trim()).find((one) => one.startsWith('charset='));
  const known = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  return known && /^application\/(?:[\w.-]+\+)?json$/.test(type.trim());
}

// Without `fatal`, bad bytes would become U+FFFD in silence.
function decode(raw: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw);
  } catch {
    return null;
  }
}

function malformed(text: string): Problem {
  const fault = findJsonFault(text);
  if (fault === null) return problem('malformed_json', 'The body is not JSON.');
  const { pointer, line, column, expected } = fault;
  const detail = `Line ${line}, column ${column}: expected ${expected}.`;
  return problem('malformed_json', detail, { errors: [{ pointer, detail }], members: { line, column } });
}
