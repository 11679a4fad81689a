import type { SecretMask } from './secret-mask.ts';

/**
 * A URL with its query, secrets hidden: known ones wherever they stand, values of parameters also when they are short or
 * their name says that they are one, and all of a userinfo. What is no secret stands as it was written.
 */
export function shownUrl(text: string, mask: SecretMask): string {
  const [whole = '', fragment] = text.split('#', 2);
  const at = whole.indexOf('?');
  const path = at === -1 ? whole : whole.slice(0, at);
  const open = withoutUser(path, '[secret]@');
  const query =
    at === -1
      ? ''
      : `?${whole
          .slice(at + 1)
          .split('&')
          .map((pair) => shownPair(pair, mask))
          .join('&')}`;
  const rest = fragment === undefined ? '' : `#${mask.text(fragment, false)}`;
  return mask.text(open, false) + query + rest;
}

/** An address with something else in the place of its user and password, whether it has a scheme or not. */
export function withoutUser(address: string, instead: string): string {
  return address.replace(
    /^((?:[a-z][a-z\d+.-]*:)?[\\/]{2})[^\\/]*@/i,
    (_, begins: string) => begins + instead,
  );
}

function shownPair(pair: string, mask: SecretMask): string {
  const at = pair.indexOf('=');
  if (at === -1) return mask.text(pair, false);
  const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
  const plain = decoded(value);
  const isHidden = mask.header(decoded(name), plain) !== plain;
  return `${mask.text(name, false)}=${isHidden ? '[secret]' : value}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
