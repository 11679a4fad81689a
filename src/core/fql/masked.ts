import { FqlError, tokensOf, type Token } from './tokens.ts';

const mask = '"[masked]"';
/** Fields whose values say who somebody is, or what he did. */
const personal = /^(?:userId|anonymousId|messageId|properties|traits|context)$/;

/** A filter without the values that it compares what is personal with; one that cannot be read is masked as a whole. */
export function maskedFql(text: string): string {
  try {
    return masked(text, tokensOf(text));
  } catch (error) {
    if (error instanceof FqlError) return mask;
    throw error;
  }
}

function masked(text: string, tokens: readonly Token[]): string {
  let kept = '';
  let from = 0;
  let hides = false;
  let valueFollows = false;
  for (const token of tokens) {
    const isValue =
      token.kind === 'text' || token.kind === 'number' || (token.kind === 'path' && valueFollows);
    if (token.kind === 'path' && !isValue) hides = personal.test(token.parts[0]!);
    if (isValue && hides && token.text !== 'null') {
      kept += text.slice(from, token.offset) + mask;
      from = token.offset + token.text.length;
    }
    valueFollows = token.kind === 'sign' && /[=<>]/.test(token.text);
  }
  return kept + text.slice(from);
}
