import { seededRandom, type Random } from './random.ts';

/** Someone who visits the demo shop. All of it follows from seed and index, so a million shoppers take no memory. */
export interface Shopper {
  readonly index: number;
  readonly anonymousId: string;
  /** Null: never says who they are. */
  readonly userId: string | null;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly city: string;
  readonly company: Company | null;
  readonly device: 'web' | 'ios' | 'android';
  /** How far the clock of their device is off. */
  readonly clockSkewMs: number;
}

export interface Company {
  readonly groupId: string;
  readonly name: string;
  readonly industry: string;
  readonly employees: number;
}

/** Of so many events one shopper is responsible for one, on average. */
const eventsPerShopper = 25;

/** The shopper who does far more than any other: an order key that everyone else must not wait for. */
export const heavyShopper = 7;

const anonymousShare = 0.3;
const companyShare = 0.06;
const skewedShare = 0.02;
const skews = [-26 * 3_600_000, -3_600_000, 3 * 3_600_000, 400 * 86_400_000];

const firstNames = [
  'Zoë',
  'Anna',
  'Jürgen',
  'Chiara',
  'Óscar',
  '小龙',
  'Amélie',
  'Søren',
  'محمد',
  'Ngọc',
  'Tom',
  'Priya',
];
const lastNames = [
  'Müller',
  'O’Neill',
  'Łukasz',
  '李',
  'Þórsson',
  'García',
  'علي',
  'Nguyễn',
  'Smith',
  'Šimek',
  'Dubois',
  'Rao',
];
const cities = [
  'München',
  'Kraków',
  'São Paulo',
  '東京',
  'Reykjavík',
  'القاهرة',
  'Montréal',
  'Leeds',
  'Đà Nẵng',
  'Lyon',
];
const companies: readonly Company[] = [
  { groupId: 'g-1', name: 'Bäckerei Huber & Söhne', industry: 'Food', employees: 42 },
  { groupId: 'g-2', name: 'Nordlys ApS', industry: 'Energy', employees: 310 },
  { groupId: 'g-3', name: 'Café Olé S.L.', industry: 'Hospitality', employees: 9 },
  { groupId: 'g-4', name: '株式会社みどり', industry: 'Garden centres', employees: 1_200 },
];

export function shopperCount(totalEvents: number): number {
  return Math.max(10, Math.round(totalEvents / eventsPerShopper));
}

export function shopperAt(index: number, seed: number): Shopper {
  const random = seededRandom(seed * 1_000_003 + index * 7_919 + 1);
  const firstName = random.pick(firstNames);
  const lastName = random.pick(lastNames);
  const known = index === heavyShopper || !random.chance(anonymousShare);
  return {
    index,
    anonymousId: uuidFrom(random),
    userId: known ? `u-${String(index).padStart(5, '0')}` : null,
    firstName,
    lastName,
    email: `shopper${index}@example.com`,
    city: random.pick(cities),
    company: known && random.chance(companyShare) ? random.pick(companies) : null,
    device: random.pick(['web', 'web', 'web', 'ios', 'android']),
    clockSkewMs: random.chance(skewedShare) ? random.pick(skews) : 0,
  };
}

/** A UUID of version 4 in form; its bits are the seed's. */
function uuidFrom(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.below(16).toString(16)).join('');
  const variant = (8 + random.below(4)).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}
