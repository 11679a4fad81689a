import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { fail, ok, warn, type Check } from './check.ts';
import { plain } from './texts.ts';

const dayMs = 86_400_000;
/** Who renews by hand needs that long; what renews by itself has done so before. */
const lowDays = 14;
const name = 'Certificate';

/**
 * How long the certificates are valid that a server shows, its own and those that signed it. Nothing for an address
 * without TLS, or where no connection comes about: that is told by whoever calls it.
 */
export async function certificateChecks(address: string, patienceMs: number): Promise<Check[]> {
  const url = new URL(address);
  if (url.protocol !== 'https:') return [];
  const leaf = await shownBy(url, patienceMs);
  return leaf === null ? [] : [standing(soonest(leaf), leaf)];
}

/** What a server shows, whoever signed it: one that has expired is to be told of, too. */
async function shownBy(url: URL, patienceMs: number): Promise<X509Certificate | null> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const { promise, resolve } = Promise.withResolvers<X509Certificate | null>();
  const socket = connect({
    host,
    port: url.port === '' ? 443 : Number(url.port),
    ...(isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: false,
    timeout: patienceMs,
  });
  socket
    .once('secureConnect', () => resolve(socket.getPeerX509Certificate() ?? null))
    .once('timeout', () => resolve(null))
    .on('error', () => resolve(null));
  const shown = await promise;
  socket.destroy();
  return shown;
}

/** The one of a chain that expires first. */
function soonest(leaf: X509Certificate): X509Certificate {
  let first = leaf;
  const seen = new Set<string>();
  let one: X509Certificate | undefined = leaf;
  while (one !== undefined && !seen.has(one.fingerprint256)) {
    seen.add(one.fingerprint256);
    if (Date.parse(one.validTo) < Date.parse(first.validTo)) first = one;
    one = one.issuerCertificate;
  }
  return first;
}

function standing(one: X509Certificate, leaf: X509Certificate): Check {
  const [from, to] = [new Date(one.validFrom), new Date(one.validTo)];
  const whose =
    one === leaf ? '' : `of the authority ${plain(one.subject ?? '').replaceAll('\uFFFD', ', ')} `;
  const days = Math.floor((to.getTime() - Date.now()) / dayMs);
  const until = to.toISOString().slice(0, 10);
  if (from.getTime() > Date.now())
    return fail(
      name,
      `${whose}is not valid before ${from.toISOString().slice(0, 19)}Z`,
      'See that the clock of this machine is right, and that the server shows the certificate that is meant.',
    );
  if (to.getTime() <= Date.now())
    return fail(name, `${whose}has expired on ${until}`, 'Renew it: no client connects.');
  const left = `${whose}is valid for ${days === 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`}, until ${until}`;
  if (days < lowDays) return warn(name, left, 'Renew it: once it has expired, no client connects.');
  return ok(name, left);
}
