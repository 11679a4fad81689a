import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Ports, first and last of each range. */
export type Ports = readonly (readonly [first: number, last: number])[];

/** Where HTTP is spoken. */
const httpPorts: Ports = [
  [80, 80],
  [443, 443],
  [8_000, 9_999],
];

/** Addresses beside the public ones that may be dialled, at any port. Empty in production. */
export type EgressAllow = readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[];

/**
 * Reads the entries of REPRISE_EGRESS_ALLOW: an address (`127.0.0.1`, `::1`) or a range (`10.1.0.0/16`).
 * @throws Error that names the entry that is neither.
 */
export function parseEgressAllow(entries: readonly string[]): EgressAllow {
  return entries.map((entry) => {
    const range = parseRange(entry);
    if (range !== null) return range;
    throw new Error(
      `REPRISE_EGRESS_ALLOW: "${entry}" is neither an address nor a range; write it like 10.1.2.3 or 10.1.0.0/16.`,
    );
  });
}

function parseRange(entry: string): EgressAllow[number] | null {
  const [text = '', prefix, ...more] = entry.split('/');
  const address = parseAddress(text);
  if (address === null || more.length > 0 || !/^\d{1,3}$/.test(prefix ?? '0')) return null;
  // An IPv4-mapped range has its prefix counted from the IPv6 form, which is 96 bits longer.
  const given = isIP(text) === 4 ? 32 : 128;
  const whole = address.kind() === 'ipv4' ? 32 : 128;
  const bits = whole - given + Number(prefix ?? given);
  return bits < 0 || bits > whole ? null : [address, bits];
}

/**
 * Whether a destination may be dialled at this address and port: IPv4 only when globally unicast, IPv6 only inside
 * 2000::/3 and not in one of its special ranges, an IPv4-mapped form as the IPv4 address that it stands for; ports 80,
 * 443 and 8000 to 9999. An address on the allow list may use any port.
 * @param more ports that are allowed beside these, for a protocol that is not HTTP
 * @returns null when it may, else why not and what to do about it.
 */
export function addressProblem(
  address: string,
  port: number,
  allow: EgressAllow,
  more: Ports = [],
): string | null {
  const parsed = parseAddress(address);
  if (parsed !== null && allow.some((range) => contains(range, parsed))) return null;
  if (parsed === null || !isPublic(parsed)) {
    return `${address} is not a public address. If it is yours to reach, list it in REPRISE_EGRESS_ALLOW.`;
  }
  return portProblem(port, more);
}

/** The port rule for addresses that are not on the allow list. @param more are allowed beside those of HTTP */
export function portProblem(port: number, more: Ports = []): string | null {
  const ports = [...httpPorts, ...more];
  if (ports.some(([first, last]) => port >= first && port <= last)) return null;
  return `Port ${port} is not among ${shownPorts(ports)}. Use one of them, or list the receiver's address in REPRISE_EGRESS_ALLOW.`;
}

/** `80, 443 and 8000 to 9999` */
function shownPorts(ports: Ports): string {
  const texts = ports
    .toSorted(([one], [other]) => one - other)
    .map(([first, last]) => (first === last ? String(first) : `${first} to ${last}`));
  return `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}

// ipaddr.js reads octal and short forms and zones too; what Node would not dial as an address is none here.
function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (isIP(address) === 0 || address.includes('%')) return null;
  return ipaddr.process(address);
}

function contains([range, bits]: EgressAllow[number], address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return range.kind() === address.kind() && address.match(range, bits);
}

// ipaddr.js alone calls some forms unicast that are not, e.g. the IPv4-compatible ::7f00:1; all lie outside 2000::/3.
function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || (address.parts[0] ?? 0) >>> 13 === 1;
}
