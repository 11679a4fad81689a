import type { ApiAddress } from './address.ts';
import { exits, Failure } from './failure.ts';

/** A call that began and whose answer did not come, or not to its end. */
export class BrokenOff extends Failure {}

const begun: ReadonlySet<string> = new Set(['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE']);
const untrusted =
  'Name the authority that signed its certificate: NODE_EXTRA_CA_CERTS=/path/to/authority.pem.';
/** What helps, by the code of Node or of its TLS. */
const hintOfCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Is Reprise running? `npm start` starts it.',
  ENOTFOUND: 'See that the name of the host is right.',
  EAI_AGAIN: 'See that the name of the host is right, and that this machine can look names up.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'Write http:// where there is no TLS.',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'Write http:// where there is no TLS.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Give the name that its certificate is for.',
  CERT_HAS_EXPIRED: 'Renew its certificate.',
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
};

/** What is said of a call without an answer. @param error of fetch */
export function unreachable(error: unknown, { url, from }: ApiAddress): Failure {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  const where = `${url} (from ${from})`;
  const code = cause?.code ?? '';
  const hints = [...[hintOfCode[code] ?? []].flat(), '`reprise doctor` looks for the cause.'];
  if (name === 'TimeoutError')
    return new BrokenOff(exits.unreachable, `${where} does not answer in time.`, hints);
  if (code === 'ECONNREFUSED') return new Failure(exits.unreachable, `Nobody listens at ${where}.`, hints);
  const text = `${where} cannot be reached: ${reason(code, cause?.message ?? message)}`;
  const Kind = begun.has(code) || name !== 'TypeError' ? BrokenOff : Failure;
  return new Kind(exits.unreachable, text, hints);
}

/** OpenSSL's own text begins with numbers of its source, and ends with a line break. */
function reason(code: string, message: string): string {
  const [line = ''] = message.trim().split('\n');
  if (line === '') return code;
  return /^[\dA-F]{6,}:error:/.test(line) ? `TLS fails (${code})` : line;
}
