import { FqlError, tokensOf, type Token } from './tokens.ts';

/**
 * A filter with other texts in place of some of its values. A word without quotes behind a sign is a value, too.
 * @param replace what stands in place of a value of a field (its first part); null: it stays
 * @returns null when the filter cannot be read
 */
export function withOtherValues(
  text: string,
  replace: (value: Token, field: string) => string | null,
): string | null {
  const tokens = readTokens(text);
  if (tokens === null) return null;
  let kept = '';
  let from = 0;
  let field = '';
  let valueFollows = false;
  for (const token of tokens) {
    const isValue =
      token.kind === 'text' || token.kind === 'number' || (token.kind === 'path' && valueFollows);
    if (token.kind === 'path' && !isValue) field = token.parts[0]!;
    const other = isValue ? replace(token, field) : null;
    if (other !== null) {
      kept += text.slice(from, token.offset) + other;
      from = token.offset + token.text.length;
    }
    valueFollows = token.kind === 'sign' && /[=<>]/.test(token.text);
  }
  return kept + text.slice(from);
}

function readTokens(text: string): Token[] | null {
  try {
    return tokensOf(text);
  } catch (error) {
    if (error instanceof FqlError) return null;
    throw error;
  }
}
