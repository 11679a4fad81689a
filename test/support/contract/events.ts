import type { FqlTree, Leaf } from '../../../src/core/fql/tree.ts';
import { decideByText } from '../../../src/core/fql/decide.ts';
import { treeOf } from '../../../src/core/fql/compiled.ts';
import type { ArchivedEvent, EventType } from '../../../src/core/event.ts';
import { isObject } from '../../../src/destinations/catalog/conditions.ts';

type Json = Record<string, unknown>;

const person = {
  email: 'ada@example.com',
  firstName: 'Ada',
  lastName: 'Lovelace',
  name: 'Ada Lovelace',
  phone: '+12025550123',
  age: 36,
  birthday: '1990-12-10',
  gender: 'f',
  username: 'ada',
  title: 'Engineer',
  website: 'https://example.com',
  createdAt: '2025-06-01T00:00:00.000Z',
  company: { id: 'c-1', name: 'Analytical Engines' },
  address: { street: '1 Main St', city: 'London', state: 'LND', postalCode: '12345', country: 'US' },
};
const product = {
  product_id: 'p-1',
  sku: 'sku-1',
  name: 'Notebook',
  category: 'Paper',
  brand: 'Acme',
  variant: 'blue',
  price: 12.5,
  quantity: 2,
  position: 1,
  coupon: 'SPRING',
  url: 'https://shop.example.com/p-1',
  image_url: 'https://shop.example.com/p-1.png',
};
const order = {
  order_id: 'o-1',
  checkout_id: 'ch-1',
  affiliation: 'Shop',
  total: 30,
  subtotal: 25,
  revenue: 25,
  value: 25,
  shipping: 3,
  tax: 2,
  discount: 1,
  coupon: 'SPRING',
  currency: 'USD',
  query: 'paper',
  list_id: 'l-1',
  category: 'Paper',
  email: 'ada@example.com',
  phone: '+12025550123',
  products: [product],
  title: 'Home',
  path: '/home',
  url: 'https://shop.example.com/home',
  referrer: 'https://example.org',
  search: '?q=paper',
  name: 'Home',
  audience_key: 'big_spenders',
  big_spenders: true,
};
const context = {
  ip: '203.0.113.7',
  userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/120.0 Safari/537.36',
  locale: 'en-US',
  timezone: 'Europe/London',
  groupId: 'g-1',
  library: { name: 'analytics.js', version: '4.0.0' },
  page: {
    url: order.url,
    path: order.path,
    title: order.title,
    referrer: order.referrer,
    search: order.search,
  },
  app: { name: 'Shop', version: '1.2.3', build: '45', namespace: 'com.example.shop' },
  device: {
    id: 'd-1',
    advertisingId: '7A3CBEA0-BDF5-11E4-8DFC-AA07A5B093DB',
    adTrackingEnabled: true,
    manufacturer: 'Apple',
    model: 'iPhone7,2',
    name: 'phone',
    type: 'ios',
    token: 'tok-1',
  },
  os: { name: 'iOS', version: '17.1' },
  screen: { width: 320, height: 568, density: 2 },
  network: { carrier: 'T', wifi: true, cellular: false, bluetooth: false },
  location: { city: 'London', country: 'US', latitude: 51.5, longitude: -0.1 },
  campaign: { name: 'spring', source: 'news', medium: 'email', term: 't', content: 'c' },
  traits: person,
  personas: {
    computation_class: 'audience',
    computation_key: 'big_spenders',
    computation_id: 'aud_1',
    external_audience_id: 'ext-1',
    audience_settings: {},
  },
};

/** A completed event of half a year ago, of a kind. @param number tells it from others */
function eventOf(type: EventType, number: number): Json {
  const own: Readonly<Record<EventType, Json>> = {
    track: { event: 'Order Completed', properties: order },
    identify: { traits: { ...person, big_spenders: true } },
    page: { name: 'Home', properties: order },
    screen: { name: 'Home', properties: order },
    group: {
      groupId: 'g-1',
      traits: { ...person, name: 'Analytical Engines', employees: 12, industry: 'Machines', plan: 'gold' },
    },
    alias: { previousId: 'anon-0' },
  };
  const second = String(number % 60).padStart(2, '0');
  return {
    type,
    messageId: `contract-${type}-${number}`,
    userId: `user-${number}`,
    anonymousId: `anon-${number}`,
    timestamp: `2026-01-05T10:00:${second}.000Z`,
    receivedAt: `2026-01-05T10:00:${second}.500Z`,
    sentAt: `2026-01-05T10:00:${second}.400Z`,
    originalTimestamp: `2026-01-05T10:00:${second}.000Z`,
    channel: 'server',
    context,
    integrations: {},
    ...own[type],
  };
}

export const types: readonly EventType[] = ['track', 'identify', 'page', 'screen', 'group', 'alias'];

/**
 * An event of a kind that a trigger takes, changed to what its conditions ask for; null when none was found.
 * @param given what it has beside, or in the place of, what every event has
 */
export function takenBy(
  trigger: string | null,
  type: EventType,
  number: number,
  given: Json = {},
): Json | null {
  const event = merged(eventOf(type, number), given) as Json;
  if (trigger === null) return event;
  const tree = treeOf(trigger);
  for (const candidate of [
    event,
    ...leavesOf(tree).map((leaf) => changed(event, [leaf])),
    changed(event, leavesOf(tree)),
  ]) {
    if (candidate['type'] === type && decideByText(tree, columnsOf(candidate), candidate)) return candidate;
  }
  return null;
}

function merged(into: unknown, given: unknown): unknown {
  if (!isObject(into) || !isObject(given)) return given;
  const members = Object.entries(given).map(([name, value]) => [name, merged(into[name], value)]);
  return { ...into, ...Object.fromEntries(members) };
}

const leavesOf = (tree: FqlTree): Leaf[] => ('parts' in tree ? tree.parts.flatMap(leavesOf) : [tree]);

/** The event with what these conditions want at their places, as far as one value can tell. */
function changed(event: Json, leaves: readonly Leaf[]): Json {
  const copy = structuredClone(event);
  for (const leaf of leaves) {
    const path = leaf.field.kind === 'column' ? [leaf.field.name] : [leaf.field.root, ...leaf.field.path];
    if (path[0] === 'type' || ('negated' in leaf && leaf.negated && leaf.kind !== 'equals')) continue;
    const negated = 'negated' in leaf && leaf.negated;
    const value =
      leaf.kind === 'equals' && negated ? (leaf.value === null ? 'x' : 'Something else') : leaf.value;
    if (value !== undefined) put(copy, path, value);
  }
  return copy;
}

function put(target: Json, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) target[first] = value;
  else {
    if (typeof target[first] !== 'object' || target[first] === null) target[first] = {};
    put(target[first] as Json, rest, value);
  }
}

const text = (value: unknown) => (typeof value === 'string' ? value : null);

/** What the archive has as columns of an event. */
export function columnsOf(
  event: Json,
): Pick<ArchivedEvent, 'type' | 'name' | 'userId' | 'anonymousId' | 'messageId' | 'sourceId'> {
  return {
    type: event['type'] as EventType,
    name: text(event['event']) ?? text(event['name']),
    userId: text(event['userId']),
    anonymousId: text(event['anonymousId']),
    messageId: text(event['messageId']) ?? '',
    sourceId: '00000000-0000-4000-8000-000000000001',
  };
}
