/** Strings, and what gives a text its structure. */
const tokenPattern = /"[^"\\]*(?:\\[^][^"\\]*)*"?|[[\]{},]/g;
const behindString = /[ \t\r\n]*(?:[,:\]}]|$)/y;

/**
 * Whether the strings and brackets of a text that is not JSON stand as they do in JSON, so that they can be trusted: a
 * comma, a colon or a closing bracket behind each string, each bracket closed by its own kind, no object within another
 * without a name. Where a quote or bracket is missing or too many, they do not.
 */
export function isWellPlaced(text: string): boolean {
  const open: string[] = [];
  let previous = '';
  for (const { 0: token, index } of text.matchAll(tokenPattern)) {
    const kind = token.charAt(0);
    if (kind === '"') {
      behindString.lastIndex = index + token.length;
      if (!behindString.test(text)) return false;
    } else if (kind === '{' || kind === '[') {
      if (kind === '{' && previous === ',' && open.at(-1) === '{') return false;
      open.push(kind);
    } else if (kind !== ',' && open.pop() !== (kind === '}' ? '{' : '[')) return false;
    previous = kind;
  }
  return true;
}
