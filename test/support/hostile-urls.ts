import { forbiddenV4, forbiddenV6, publicAddresses, spellingsOf } from './hostile-addresses.ts';

const forbidden = [...forbiddenV4, ...forbiddenV6];
let lookups = 0;

/** Where the names of `hostileUrls` lead at this look-up: a bad address, one among good ones, or a good one the first time. */
export function hostileAddressesOf(name: string): readonly string[] {
  const [kind = '', number = ''] = name.split('.')[0]!.split('-');
  const bad = forbidden[Number(number)] ?? forbidden[0]!;
  if (kind === 'mixed') return [bad, publicAddresses[0]!];
  if (kind === 'rebinds') return [lookups++ % 2 === 0 ? publicAddresses[0]! : bad];
  return [kind === 'open' ? publicAddresses[Number(number)]! : bad];
}

/** Forbidden addresses in every spelling that an address has. */
export const hostileLiterals = [
  ...forbiddenV4.flatMap(spellingsOf),
  ...forbiddenV6.map((address) => `[${address}]`),
];
const names = forbidden.flatMap((_, index) => [
  `to-${index}.example.com`,
  `mixed-${index}.example.com`,
  `rebinds-${index}.example.com`,
]);
/** Ports of services that no destination is. */
export const hostilePorts = [
  1,
  22,
  25,
  53,
  110,
  143,
  389,
  445,
  3306,
  5432,
  6379,
  7233,
  9200 + 1_000,
  11211,
  27017,
].map((port) => `8.8.8.8:${port}`);
/** The same as hosts that stand alone in a setting; addresses of IPv6 are written so without brackets. */
export const hostileHosts = [
  ...hostileLiterals.flatMap((host) => [host, ...(host.startsWith('[') ? [host.slice(1, -1)] : [])]),
  'localhost',
  'LOCALHOST',
  'a.localhost',
];
/** Names that lead to such addresses: always, among others, or at every other time. */
export const hostileNames = names;
/** What is not HTTP, or a name of this machine. */
export const hostileSchemes = [
  'ftp://8.8.8.8/',
  'file:///etc/passwd',
  'gopher://8.8.8.8/',
  'unix:/tmp/socket',
  'http://localhost/',
  'http://a.localhost/',
];
/** More than a thousand addresses that nothing may dial. */
export const hostileUrls = [
  ...[...hostileLiterals, ...names, ...hostilePorts].map((host) => `http://${host}/hook`),
  ...hostileSchemes,
];
