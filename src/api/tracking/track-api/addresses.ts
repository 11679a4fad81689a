/** What the Track API can be asked for. Source: docs.customer.io, integrations/api/track. */
export type TrackOperation =
  | 'region'
  | 'identify'
  | 'delete'
  | 'event'
  | 'anonymous_event'
  | 'add_device'
  | 'delete_device'
  | 'suppress'
  | 'unsuppress'
  | 'merge'
  | 'metric'
  | 'push_metric'
  | 'entity'
  | 'batch';

/** What an address takes, by method, and what stands in the address itself. */
export interface TrackAddress {
  readonly operations: Readonly<Partial<Record<string, TrackOperation>>>;
  /** Whom it is about: an id, an email address, or `cio_` and a cio_id; empty where the address names nobody. */
  readonly person: string;
  /** A device's token, else empty. */
  readonly device: string;
}

/** The addresses behind `/api`, and what each method asks there. */
export const trackAddresses: readonly (readonly [path: string, operations: TrackAddress['operations']])[] = [
  ['/v1/accounts/region', { GET: 'region' }],
  ['/v1/customers/{person}', { PUT: 'identify', DELETE: 'delete' }],
  ['/v1/customers/{person}/events', { POST: 'event' }],
  ['/v1/customers/{person}/devices', { PUT: 'add_device' }],
  ['/v1/customers/{person}/devices/{device}', { DELETE: 'delete_device' }],
  ['/v1/customers/{person}/suppress', { POST: 'suppress' }],
  ['/v1/customers/{person}/unsuppress', { POST: 'unsuppress' }],
  ['/v1/events', { POST: 'anonymous_event' }],
  ['/v1/merge_customers', { POST: 'merge' }],
  ['/v1/metrics', { POST: 'metric' }],
  ['/v1/push/events', { POST: 'push_metric' }],
  ['/v2/entity', { POST: 'entity' }],
  ['/v2/batch', { POST: 'batch' }],
];

/** All of them in one line, for people who asked at another. */
export const knownTrackAddresses = trackAddresses
  .map(([path, operations]) => `${Object.keys(operations).join(' and ')} /api${path}`)
  .join(', ');

const patterns = trackAddresses.map(([path, operations]) => ({
  pattern: new RegExp(`^/api${path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}/?$`),
  operations,
}));

/** Whether an address belongs to the Track API: all of `/api/v1` and `/api/v2` does. */
export function isTrackPath(path: string): boolean {
  return /^\/api\/v[12](\/|$)/.test(path);
}

/** What stands at a path without its query, with or without a slash at its end; null when nothing does. */
export function trackAddressOf(path: string): TrackAddress | null {
  for (const { pattern, operations } of patterns) {
    const found = pattern.exec(path);
    if (found === null) continue;
    const { person = '', device = '' } = found.groups ?? {};
    return { operations, person: decoded(person), device: decoded(device) };
  }
  return null;
}

/** Some libraries put ids into the address as they are: escapes that mean nothing are part of the id. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
