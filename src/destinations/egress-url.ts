import { isIP } from 'node:net';
import { addressProblem, portProblem, type EgressAllow, type Ports } from './egress-address.ts';

export type UrlCheck = { readonly ok: true } | { readonly ok: false; readonly problem: string };

/**
 * Checks a destination's URL when it is saved, so that a person learns of a mistake at once. Names are not resolved
 * here: what a name points to is checked at every connection, by the egress guard.
 * @returns a problem text that names the remedy.
 */
export function checkUrl(text: string, allow: EgressAllow): UrlCheck {
  const url = URL.parse(text);
  if (url === null) return refuse('This is not a URL. Write it like https://example.com/events.');
  const problem = formProblem(text, url) ?? urlHostProblem(url, allow);
  return problem === null ? { ok: true } : refuse(problem);
}

function refuse(problem: string): UrlCheck {
  return { ok: false, problem };
}

function formProblem(text: string, url: URL): string | null {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return `${url.protocol} is not supported. Use https: or http:.`;
  }
  if (url.username !== '' || url.password !== '') {
    return 'The URL carries a user name or password. Put credentials into headers instead.';
  }
  // The parser maps look-alikes to ASCII: ①②⑦ to 127, the ideographic full stop to a dot.
  if (!isAscii(authorityOf(text))) {
    return `Write the host in ASCII: ${url.hostname}.`;
  }
  if (url.hostname.endsWith('.')) {
    return `Leave out the dot at the end of the host: ${url.hostname.replace(/\.+$/, '')}.`;
  }
  return null;
}

function urlHostProblem(url: URL, allow: EgressAllow): string | null {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return hostProblem(url.hostname.replace(/^\[|\]$/g, ''), port, allow);
}

/**
 * The same for a host that stands alone in a setting, as it was typed: what is an address in another spelling, which the
 * system would resolve to it, counts as that address.
 */
export function bareHostProblem(text: string, port: number, allow: EgressAllow, more: Ports): string | null {
  if (isIP(text) === 6) return hostProblem(text, port, allow, more);
  const url = /^[\w.-]+$/.test(text) && !text.endsWith('.') ? URL.parse(`http://${text}`) : null;
  if (url === null)
    return 'This is not a host. Write its name or address alone and in ASCII, like files.example.com.';
  return hostProblem(url.hostname, port, allow, more);
}

/**
 * What is wrong with a host and port as far as they say it themselves; names are not resolved.
 * @param more ports that are allowed beside those of HTTP
 */
function hostProblem(host: string, port: number, allow: EgressAllow, more: Ports = []): string | null {
  if (isIP(host) !== 0) return addressProblem(host, port, allow, more);
  if (host === 'localhost' || host.endsWith('.localhost')) {
    const isOwn = addressProblem('::1', port, allow, more) === null;
    return isOwn ? null : addressProblem('127.0.0.1', port, allow, more);
  }
  // A name may stand for an address of the allow list, which may use any port; the connection decides.
  return allow.length === 0 ? portProblem(port, more) : null;
}

/** What stands between the slashes after the scheme and the path, as it was typed. */
function authorityOf(text: string): string {
  return /^[^:]*:[\\/\s]*([^\\/?#]*)/.exec(text)?.[1] ?? text;
}

function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the whole of ASCII is meant
  return /^[\u0000-\u007f]*$/.test(text);
}
