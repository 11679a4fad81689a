import { contextOf } from './device.ts';
import { products } from './products.ts';
import { seededRandom, type Random } from './random.ts';
import { dayMs, days, eventsPerDay, hourWeights, isSale } from './rhythm.ts';
import { heavyShopper, shopperAt, shopperCount, type Shopper } from './shoppers.ts';
import { visit, type Call } from './visit.ts';

export interface DemoDataOptions {
  /** How many events the archive holds in the end; the lines are a few more, as some come twice. */
  readonly total: number;
  readonly seed: number;
  /** Midnight (UTC) at which the 90 days end. */
  readonly until: Date;
}

/** The day on which the shop's developers renamed `price` to `unit_price`: the first of week 5. */
const renamedOn = 28;
/** The day of the one event that is as large as an event may be. */
const largeEventOn = 45;
/** An event may have 32 KB (32 × 1,024 bytes). Source: segment-docs, connections/sources/catalog/libraries/server/http-api. */
const largestEvent = 32 * 1024;
const heavyShare = 0.02;
/** Of the visits by app, those made without a network: their events arrive hours or days later, all at once. */
const offlineShare = 0.05;
const longestOfflineMs = 3 * dayMs;
/** Lines that come a second time, as after a lost answer. */
const repeatedShare = 0.004;

interface Arrival {
  readonly receivedMs: number;
  readonly line: string;
}

/**
 * The history of a shop as a server archived it, one JSON event a line in the order of arrival: 90 days of visits with
 * the oddities that real data has. The same options give the same lines.
 */
export function* demoEvents(options: DemoDataOptions): Generator<string> {
  const { total, seed, until } = options;
  const random = seededRandom(seed);
  const start = until.getTime() - days * dayMs;
  const shop = { options, random, start, seen: new Uint8Array(shopperCount(total)), visits: 0, events: 0 };
  let waiting: Arrival[] = [];
  for (const [day, quota] of eventsPerDay(total, new Date(start).getUTCDay()).entries()) {
    waiting.push(...arrivalsOf(shop, day, quota));
    waiting.sort((left, right) => left.receivedMs - right.receivedMs);
    const dayEnd = day === days - 1 ? Number.POSITIVE_INFINITY : start + (day + 1) * dayMs;
    const later = waiting.findIndex((arrival) => arrival.receivedMs >= dayEnd);
    const today = later === -1 ? waiting : waiting.slice(0, later);
    waiting = later === -1 ? [] : waiting.slice(later);
    for (const arrival of today) yield arrival.line;
  }
}

interface Shop {
  readonly options: DemoDataOptions;
  readonly random: Random;
  readonly start: number;
  /** Which shoppers have visited before, by index. */
  readonly seen: Uint8Array;
  visits: number;
  events: number;
}

function arrivalsOf(shop: Shop, day: number, quota: number): Arrival[] {
  const arrivals: Arrival[] = [];
  for (let made = 0; made < quota;) {
    const calls = nextVisit(shop, day);
    for (const { call, atMs, shopper, sender, offlineMs } of calls) {
      if (made === quota) break;
      const large = day === largeEventOn && made === 0;
      made += 1;
      shop.events += 1;
      arrivals.push(...sent(shop, { call: large ? enlarged(call) : call, atMs, shopper, sender, offlineMs }));
    }
  }
  return arrivals;
}

interface TimedCall {
  readonly call: Call;
  readonly atMs: number;
  readonly shopper: Shopper;
  /** The ids that the library knew at that moment. */
  readonly sender: { readonly anonymousId: string; readonly userId?: string };
  readonly offlineMs: number;
}

function* nextVisit(shop: Shop, day: number): Generator<TimedCall> {
  const { random, seen, start, options } = shop;
  const index = random.chance(heavyShare) ? heavyShopper : random.below(seen.length);
  const shopper = shopperAt(index, options.seed);
  const isFirst = seen[index] === 0 && index % 5 > 1; // two of five were customers before the archive begins
  seen[index] = 1;
  shop.visits += 1;
  const orderId = `o-${100_000 + shop.visits}`;
  const priceName = day < renamedOn ? 'price' : 'unit_price';
  const offline = shopper.device !== 'web' && random.chance(offlineShare);
  const offlineMs = offline ? 2 * 3_600_000 + random.below(longestOfflineMs) : 0;
  let known = !isFirst;
  let atMs = start + day * dayMs + hourOf(random) * 3_600_000 + random.below(3_600_000);
  for (const call of visit({ shopper, random, isFirst, priceName, isSale: isSale(day), orderId })) {
    atMs += call.afterMs;
    known ||= call.type === 'identify' || call.type === 'alias';
    const { anonymousId, userId } = shopper;
    yield {
      call,
      atMs,
      shopper,
      sender: known && userId !== null ? { anonymousId, userId } : { anonymousId },
      offlineMs,
    };
  }
}

/** The event's line as it arrives, once or twice. */
function sent(shop: Shop, { call, atMs, shopper, sender, offlineMs }: TimedCall): Arrival[] {
  const { random, options, events } = shop;
  const last = options.until.getTime() - 1_000;
  const latencyMs = 40 + random.below(800);
  const receivedMs = Math.min(atMs + offlineMs + latencyMs, last);
  const happenedMs = Math.min(atMs, last - latencyMs);
  const onDevice = (ms: number) => new Date(ms + shopper.clockSkewMs).toISOString();
  const line = JSON.stringify({
    messageId: `demo-${options.seed}-${String(events).padStart(6, '0')}`,
    type: call.type,
    ...sender,
    ...call.members,
    context: contextOf(shopper),
    timestamp: new Date(happenedMs + latencyMs).toISOString(), // corrected, as the archive of a server has it
    originalTimestamp: onDevice(happenedMs),
    sentAt: onDevice(receivedMs - latencyMs),
    receivedAt: new Date(receivedMs).toISOString(),
  });
  return random.chance(repeatedShare)
    ? [
        { receivedMs, line },
        { receivedMs, line },
      ]
    : [{ receivedMs, line }];
}

/** A call that says so much that its event is just within the limit. */
function enlarged(call: Call): Call {
  const room = largestEvent - 2_000; // for ids, context and times
  const viewed: unknown[] = [];
  for (let bytes = 0; ;) {
    const { cents, ...product } = products[viewed.length % products.length] ?? { cents: 0 };
    const entry = { ...product, unit_price: cents / 100, position: viewed.length + 1 };
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (bytes > room) break;
    viewed.push(entry);
  }
  const properties = { list_id: 'everything', products: viewed };
  return { type: 'track', afterMs: call.afterMs, members: { event: 'Product List Viewed', properties } };
}

function hourOf(random: Random): number {
  const sum = hourWeights.reduce((left, right) => left + right, 0);
  let left = random.below(sum);
  const hour = hourWeights.findIndex((weight) => (left -= weight) < 0);
  return Math.max(hour, 0);
}
