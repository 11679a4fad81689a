import type { RejectionCode } from '../../src/core/rejection.ts';
import { poisonNumbers, poisonTexts, poisonTimes } from './poison-values.ts';
import type { Random } from './simulation/random.ts';

/** A generated item of a batch, and what has to become of it. */
export interface GeneratedItem {
  readonly text: string;
  readonly fate: 'archived' | RejectionCode;
}

type Members = Map<string, string>;

const knownTexts = Object.values(poisonTexts).filter((text) => text.length < 500);
const knownNumbers = poisonNumbers.filter((text) => text.length < 500);
const knownTimes = poisonTimes.filter((text) => text.length < 500);
const shortEscapes = ['\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t'];
const unusable = ['""', 'null', 'true', 'false', '{}', '[]', '["track"]', '{"id":"u"}'];

function escape(unit: number, random: Random): string {
  const hex = unit.toString(16).padStart(4, '0');
  return `\\u${random.chance(0.5) ? hex : hex.toUpperCase()}`;
}

/** One character of a string literal: plain, escaped, or half of what should be a pair. */
function character(random: Random): string {
  switch (random.int(0, 9)) {
    case 0:
      return escape(random.int(0, 0xffff), random);
    case 1:
      return escape(random.int(0xd800, 0xdfff), random);
    case 2:
      return escape(random.int(0, 0x1f), random);
    case 3:
      return random.pick(shortEscapes);
    case 4:
      return String.fromCodePoint(random.int(0x10000, 0x10ffff));
    case 5:
      return String.fromCodePoint(random.int(0x7f, 0xd7ff));
    case 6:
      return String.fromCodePoint(random.int(0xe000, 0xffff));
    default: {
      const unit = random.int(0x20, 0x7e);
      return unit === 0x22 || unit === 0x5c ? '~' : String.fromCodePoint(unit);
    }
  }
}

/** A string literal that begins with an `x`, so that it is no name that means anything. */
function text(random: Random): string {
  if (random.chance(0.2)) return random.pick(knownTexts);
  let inner = 'x';
  for (let left = random.int(0, 14); left > 0; left--) inner += character(random);
  return `"${inner}"`;
}

const digits = (random: Random, most: number) => {
  let list = String(random.int(1, 9));
  for (let left = random.int(0, most); left > 0; left--) list += String(random.int(0, 9));
  return list;
};

function number(random: Random): string {
  if (random.chance(0.2)) return random.pick(knownNumbers);
  const sign = random.chance(0.3) ? '-' : '';
  const fraction = random.chance(0.3) ? `.${digits(random, 25)}` : '';
  const exponent = random.chance(0.3)
    ? random.pick(['e', 'E']) + random.pick(['', '+', '-']) + digits(random, 4)
    : '';
  return sign + (random.chance(0.1) ? '0' : digits(random, 30)) + fraction + exponent;
}

const blank = (random: Random) => (random.chance(0.2) ? random.pick([' ', '\t', '\n', '\r', ' \r\n\t']) : '');

/** Any value, mostly a small one; `levels` is how deep it may be. */
function value(random: Random, levels: number): string {
  const roll = random.int(0, 11);
  if (levels === 0 || roll < 4) return text(random);
  if (roll < 6) return number(random);
  if (roll === 6) return random.pick(['null', 'true', 'false', '[]', '{}', '""']);
  if (roll === 7) return tower(random, random.int(1, levels));
  const length = random.int(0, 3);
  const parts = Array.from({ length }, () => {
    const part = blank(random) + value(random, Math.min(levels - 1, 3)) + blank(random);
    return roll < 9 ? part : `${name(random)}${blank(random)}:${part}`;
  });
  return roll < 9 ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}

/** Objects and arrays one inside the other. */
function tower(random: Random, levels: number): string {
  return random.chance(0.5)
    ? `${'['.repeat(levels)}${']'.repeat(levels)}`
    : `${'{"x":'.repeat(levels)}0${'}'.repeat(levels)}`;
}

function name(random: Random): string {
  if (random.chance(0.1)) return random.pick(['"__proto__"', '"constructor"', '"toString"', '"then"', '""']);
  return text(random);
}

/** Some ids differ by halves of surrogate pairs alone, some by digits that no double holds. */
function id(random: Random, unique: string): string {
  if (random.chance(0.1)) return `"${unique.replaceAll(/\d/g, '\\udc0$&')}"`;
  return random.chance(0.8) ? `${text(random).slice(0, -1)}-${unique}"` : `${digits(random, 30)}e${unique}`;
}

/** A good event whose members hold as much poison as an event may. */
function members(random: Random, unique: string): Members {
  const type = random.pick(['track', 'identify', 'page', 'screen', 'group', 'alias']);
  const list: Members = new Map([
    ['"type"', `"${type}"`],
    [random.pick(['"userId"', '"anonymousId"']), random.chance(0.7) ? text(random) : number(random)],
  ]);
  if (type === 'track') list.set('"event"', text(random));
  if (type === 'group') list.set('"groupId"', random.chance(0.5) ? text(random) : number(random));
  if (type === 'alias') list.set('"previousId"', random.chance(0.5) ? text(random) : number(random));
  if (random.chance(0.7))
    list.set('"messageId"', random.chance(0.8) ? id(random, unique) : random.pick(unusable));
  for (const key of ['"properties"', '"traits"', '"context"', '"integrations"', '"_metadata"', '"writeKey"'])
    if (random.chance(0.25)) list.set(key, value(random, random.pick([3, 3, 3, 99])));
  for (const key of ['"timestamp"', '"originalTimestamp"', '"sentAt"', '"receivedAt"'])
    if (random.chance(0.15)) list.set(key, random.chance(0.7) ? random.pick(knownTimes) : value(random, 2));
  if (random.chance(0.3)) list.set(name(random), value(random, 3));
  return list;
}

const flaws: readonly ((list: Members, random: Random) => RejectionCode)[] = [
  (list, random) => {
    list.set(
      '"type"',
      random.chance(0.5) ? random.pick(unusable) : random.pick(['"Track"', '"batch"', text(random)]),
    );
    return 'unknown_type';
  },
  (list, random) => {
    for (const key of ['"userId"', '"anonymousId"']) list.set(key, random.pick(unusable));
    return 'no_user';
  },
  (list, random) => {
    list.set('"type"', '"track"').set('"event"', random.chance(0.7) ? random.pick(unusable) : number(random));
    return 'track_without_event';
  },
  (list, random) => {
    list.set('"type"', '"alias"').set('"previousId"', random.pick(unusable));
    return 'alias_without_previous_id';
  },
  (list, random) => {
    list.set('"type"', '"group"').set('"groupId"', random.pick(unusable));
    return 'group_without_group_id';
  },
  (list, random) => {
    list.set('"properties"', tower(random, random.int(100, 900)));
    return 'event_too_deep';
  },
];

/** The members as an object, in any order, some of them overruling others of the same name. */
function written(list: Members, random: Random): string {
  const parts = [...list].map(
    ([key, text]) => `${blank(random)}${key}${blank(random)}:${blank(random)}${text}`,
  );
  for (let at = parts.length - 1; at > 0; at--) {
    const other = random.int(0, at);
    [parts[at], parts[other]] = [parts[other]!, parts[at]!];
  }
  if (random.chance(0.2)) parts.unshift(`${random.pick([...list.keys()])}:${value(random, 2)}`);
  return `{${parts.join(',')}${blank(random)}}`;
}

/**
 * Poison made by chance: half of it has to be archived as it came, half has a flaw for which it has to be kept apart.
 * @param unique digits that tell its messageId from all others, a number of 400 or more
 */
export function poisonItem(random: Random, unique: string): GeneratedItem {
  if (random.chance(0.05)) {
    const scalar = random.pick([
      text,
      number,
      () => random.pick(['null', 'true', 'false', '[]', '[{}]']),
      () => '[[7]]',
    ]);
    return { text: scalar(random), fate: 'not_an_object' };
  }
  const list = members(random, unique);
  if (random.chance(0.001)) {
    list.set('"traits"', `"${'é'.repeat(random.int(16_384, 25_000))}"`);
    return { text: written(list, random), fate: 'event_too_large' };
  }
  const fate = random.chance(0.5) ? random.pick(flaws)(list, random) : 'archived';
  return { text: written(list, random), fate };
}

/** The same text with a few bytes changed, put in, left out or repeated. */
export function damaged(body: Uint8Array, random: Random): Buffer {
  let bytes = Buffer.from(body);
  for (let left = random.int(1, 3); left > 0; left--) {
    const at = random.int(0, bytes.length - 1);
    const until = Math.min(bytes.length, at + random.int(0, 6));
    const [before, within, behind] = [
      bytes.subarray(0, at),
      bytes.subarray(at, until),
      bytes.subarray(until),
    ];
    const byte = random.chance(0.5) ? random.int(0, 255) : random.pick([...Buffer.from('"\\{}[],:0-e \0')]);
    const parts = [
      [before, Buffer.of(byte), bytes.subarray(at + 1)],
      [before, Buffer.of(byte), within, behind],
    ];
    bytes = Buffer.concat(random.pick([...parts, [before, behind], [before, within, within, behind]]));
  }
  return bytes;
}
