/** One of the two ids of a person, as the archive's look-up columns have it. */
export type PersonId =
  | { readonly userId: string; readonly anonymousId: null }
  | { readonly userId: null; readonly anonymousId: string };

/** The id itself. */
export function idOf(person: PersonId): string {
  return person.userId ?? person.anonymousId;
}

/** A shorter text may as well be a plan, a size or a year. */
export const leastLength = 6;
/** A number, a date, a version or an address that is shorter may be anything. */
const leastDigits = 10;

/** Whether whoever reads an id in a text, wherever it stands, can tell that it is one. */
export function isDistinctive(id: string): boolean {
  if (/\p{L}/u.test(id)) return id.length >= leastLength;
  return (id.match(/\p{N}/gu) ?? []).length >= leastDigits;
}

/** A single word may as well be what somebody calls a member (`anonymous`, `user_id`). */
const isWord = (id: string) => /^[\p{L}_]*$/u.test(id);

/**
 * Finds where texts name an id. One that is distinctive names its person as a word of its own anywhere, with capital or
 * small letters; any other only where it stands as an id: quoted as a whole, or as the value of a member that says whose
 * something is (`"userId": 1`, `user_id=1`). The name of a member names a person only if no word of a language could be
 * his id. However JSON escapes it, also inside of a text that is JSON's itself.
 */
export function patternOf(id: string): RegExp {
  if (!isDistinctive(id)) return new RegExp(standsAsId(spelled(id, false)), 'g');
  const form = spelled(id, true);
  return new RegExp(`${isWord(id) ? butNotNames(form) : ''}${wordBegins}${form}(?![a-zA-Z0-9])`, 'g');
}

/** Whether a text holds what a pattern finds. */
export function names(text: string, pattern: RegExp): boolean {
  return text.search(pattern) !== -1;
}

/** Finds an id in a row of a file that is no JSON, where a whole cell stands for itself, unless it is a short number. */
export function patternInRow(id: string): RegExp {
  if (isDistinctive(id) || (id.length < leastLength && !/\p{L}/u.test(id))) return patternOf(id);
  const form = spelled(id, false);
  return new RegExp(String.raw`${standsAsId(form)}|(?<=^|[,;\t|\r\n])${form}(?=$|[,;\t|\r\n])`, 'g');
}

/**
 * A JSON value without a person: something else stands wherever it names him. Numbers do where they are an id, names of
 * members where they can only be his.
 */
export function withoutPerson(value: unknown, id: string, instead: string): unknown {
  const pattern = patternOf(id);
  const inText = (text: string) => (text === id ? instead : text.replaceAll(pattern, () => instead));
  const nameOf = isDistinctive(id) && !isWord(id) ? inText : (name: string) => name;
  const without = (part: unknown, name: string): unknown => {
    if (typeof part === 'string') return inText(part);
    if (typeof part === 'number') return String(part) === id && ofPerson.test(name) ? instead : part;
    if (Array.isArray(part)) return part.map((item) => without(item, name));
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(
      Object.entries(part).map(([key, member]) => [nameOf(key), without(member, key)]),
    );
  };
  return without(value, '');
}

// As often as a text that is JSON can stand in another one; without a bound, long rows of backslashes would take for ever.
const escapes = String.raw`\\{1,15}`;
const maybeEscapes = String.raw`\\{0,15}`;
const space = String.raw`(?:\s|${escapes}[nrt]){0,40}`;

const marks = '["\'`“”„‘’‚«»‹›]';
const opens = String.raw`(?:${marks}|\\u002[27])`;
const closes = `(?:${maybeEscapes}${marks}|${escapes}u002[27])`;
const wordBegins = String.raw`(?<=^|[^a-zA-Z0-9]|\\[bfnrt]|\\u[0-9a-fA-F]{4})`;

const holders =
  'user anonymous previous customer person profile contact external distinct subscriber member visitor';
/** Members whose value is a person's id; `id` alone is as often that of a product, unless it is among `identifiers`. */
const ofPersonNames = `(?:${[
  `(?:${holders.split(' ').map(anyCase).join('|')})[_ -]?${anyCase('id')}`,
  `identifiers${closes}${space}:${space}\\{${space}${maybeEscapes}"id`,
].join('|')})`;
const ofPerson = new RegExp(`${ofPersonNames}$`);

function standsAsId(form: string): string {
  const quoted = `(?<=${opens})${form}(?=${closes})`;
  const member = `(?<=${ofPersonNames}${closes}?${space}[:=]${space})${form}`;
  return String.raw`${butNotNames(form)}${quoted}|${member}(?![a-zA-Z0-9_]|[.:-][a-zA-Z0-9])`;
}

const butNotNames = (form: string) => `(?!(?<=[{,]${space}${maybeEscapes}${opens})${form}${closes}${space}:)`;

/** Every way in which JSON may write a text. @param loose letters may be capital or small */
function spelled(id: string, loose: boolean): string {
  const units = id.match(/\\+|[^\\]/gu) ?? [];
  return units
    .map((unit) => (unit[0] === '\\' ? backslashes(unit.length) : `(?:${waysOf(unit, loose).join('|')})`))
    .join('');
}

/** All that stand together are one run: taken one by one, a longer run could be divided among them in too many ways. */
const backslashes = (count: number) => String.raw`(?<!\\)(?:\\(?:u005[cC])?){${count},${15 * count}}`;

function waysOf(char: string, loose: boolean): string[] {
  const variants = loose && /[a-zA-Z]/.test(char) ? [char.toLowerCase(), char.toUpperCase()] : [char];
  const short = shortEscapes[char];
  return [
    ...variants.map((one) => one.replace(/[\\^$.*+?()[\]{}|/]/, String.raw`\$&`)),
    ...variants.map(inHex),
    ...(short === undefined ? [] : [escapes + short]),
  ];
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  '/': '/',
  '\b': 'b',
  '\f': 'f',
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
};

function inHex(char: string): string {
  const units = Array.from({ length: char.length }, (_, at) => char.charCodeAt(at));
  return units.map((unit) => `${escapes}u${anyCase(unit.toString(16).padStart(4, '0'))}`).join('');
}

function anyCase(text: string): string {
  return text.replaceAll(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}
