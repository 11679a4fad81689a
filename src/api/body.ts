import { findJsonFault } from './json-place.ts';
import { problem, type Problem } from './problem.ts';

/** Largest body of the admin API after it is inflated, in bytes. */
export const bodyLimit = 1_048_576;

/**
 * Parses a request's body as JSON in UTF-8; an empty one is undefined.
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
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return malformed(text);
  }
}

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
