/** What stands in the place of a value that the audit log must not keep. */
export const masked = '[masked]';

/**
 * What stands before the server of an address: two slashes of either kind, or the scheme of a web address, which
 * parsers also take with one slash or none.
 */
const beginning = /[\\/]{2}|\b(?:https?|wss?|ftp):[\\/]?(?![\\/])/i;
/** Servers, several as brokers have them, each with its port. What else stands there is not kept. */
const server = String.raw`(?:\[[\da-f:.]+\]|[\p{L}\p{N}._-]+)(?::\d{1,5}(?!\d))?`;
const servers = new RegExp(`^${server}(?:,${server})*`, 'iu');
/** What ends an address that has no path, or the sentence that it stands in. */
const ending = /^(?:[/?#]|["'`)\]}>.,;:!]*)$/;

/**
 * A text in which of every address only its server is left: user info, path, query and fragment may each hold a
 * secret. Where it is not plain what is the server, as in an address that no parser takes, nothing of it is left.
 */
export function withoutPaths(text: string): string {
  const joined = text.replaceAll(/[\t\n\r]/g, '').trim(); // as parsers of URLs do
  const begun = beginning.exec(joined);
  // A text that begins as an address is one as a whole: path and password may have blanks.
  if (begun !== null && !/\s/.test(joined.slice(0, begun.index))) return ofServers(joined, true);
  return addressesIn(text.includes('@') && begun !== null ? joined : text)
    .map((part) => ofServers(part, false))
    .join('');
}

/** A text that is to be an address as `withoutPaths` leaves it; nothing of one that is none. */
export function addressOnly(text: string): string {
  return text === '' || beginning.test(text.replaceAll(/[\t\n\r]/g, '')) ? withoutPaths(text) : masked;
}

/** Cuts a text into words with the blanks behind them; one with an address takes along all up to the next such word. */
function addressesIn(text: string): string[] {
  const parts: string[][] = [];
  let hasBegun = false;
  for (const word of text.split(/(?<=\s)(?=\S)/)) {
    const begins = beginning.test(word);
    if (begins || !hasBegun) parts.push([word]);
    else parts.at(-1)!.push(word);
    hasBegun ||= begins;
  }
  return parts.map((words) => words.join(''));
}

/** @param isOne all of it is one address, blanks included */
function ofServers(text: string, isOne: boolean): string {
  const begun = beginning.exec(text);
  const at = text.lastIndexOf('@');
  const start = begun === null ? 0 : begun.index + begun[0].length;
  const behind = (from: number) => (isOne ? '' : behindWord(text, from));
  const before = begun === null ? text : text.slice(0, begun.index).replace(/:$/, '');
  // `user:password@server`, without anything that makes an address of it or with slashes in the password.
  if (at > before.indexOf(':') && before.includes(':')) return masked + behind(at);
  const hidden = (from: number) => text.slice(0, start) + masked + behind(from);
  const rest = text.slice(start);
  if (begun === null || (at === -1 && /^(?:\s|$)/.test(rest))) return text;
  // A password may hold what ends a server. Nobody can tell it from an @ in a path, or behind the address.
  if (at > start + rest.search(/[\s\\/?#]|$/)) return hidden(at);
  const from = Math.max(start, at + 1);
  const named = servers.exec(text.slice(from))?.[0];
  if (named === undefined) return hidden(start);
  const path = text.slice(from + named.length);
  const after = behind(from + named.length);
  const own = path.slice(0, path.length - after.length);
  const shown = text.slice(0, start) + named;
  if (ending.test(own)) return shown + path;
  return /^[\\/?#]/.test(own) ? `${shown}/${masked}${after}` : hidden(start);
}

/** What stands behind the word at a place, with the blank before it. */
function behindWord(text: string, from: number): string {
  const end = text.slice(from).search(/\s/);
  return end === -1 ? '' : text.slice(from + end);
}
