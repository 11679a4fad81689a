/**
 * What of an address may be what gives access: values in its query, and parts of its path that look so. Each as it stands
 * there and as it is read, since a receiver may send back either; none of what is no URL.
 */
export function urlSecrets(text: string): readonly string[] {
  const url = URL.parse(text);
  if (url === null) return [];
  const parts = url.pathname.split('/').filter(looksSecret);
  const values = url.search.slice(1).split('&').map(valueOf);
  const read = [...parts.map(decoded), ...url.searchParams.values()];
  return [...parts, ...values, ...read].filter((part) => part !== '');
}

/** Whether a part of a path may be what gives access: many services put a token there, and hooks of theirs are URLs. */
function looksSecret(part: string): boolean {
  return part.length >= 16 || (part.length >= 6 && /\d/.test(part) && /[a-z]/i.test(part));
}

/** One that has no name may be a key itself. */
function valueOf(pair: string): string {
  return pair.slice(pair.indexOf('=') + 1);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
