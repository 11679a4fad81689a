/** Stands in every canary, so that a part of one is found as well, whatever became of the rest. */
const marker = 'zq7c1fxw';

let made = 0;

/** A secret that is looked for. It has what URLs, JSON and base64 write otherwise. */
export function canary(): string {
  return `${marker}/${++made}+7c=e/secret`;
}

/** One with what JSON escapes and what is no ASCII. */
export function hardCanary(): string {
  return `${marker}"${++made}\\/ +ü=`;
}

/** One of bytes that stand in base64. @param bytes how many */
export function keyCanary(bytes: number): string {
  const text = `${marker}${++made}`.padEnd(Math.ceil((bytes * 4) / 3), 'k');
  return Buffer.from(text, 'base64').toString('base64');
}

/** How many there are so far. */
export function canaryCount(): number {
  return made;
}

/** Where the first canary of a text begins; -1: it has none. */
export function canaryAt(text: string): number {
  return text.indexOf(marker);
}

/** A text as it stands in base64 wherever it begins there: without the characters that it shares with its neighbours. */
function inBase64(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64url');
    const shared = (before + bytes.length) % 3 === 0 ? 0 : 1;
    return whole.slice(before === 0 ? 0 : before + 1, whole.length - shared);
  });
}

/**
 * What to look for: the text as it is, in a URL, in JSON, in base64 at each of three places and in base64 of that, and in
 * hexadecimal, as Postgres writes bytes.
 */
function formsOf(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const once = inBase64(text);
  const usual = once.map((form) => form.replaceAll('-', '+').replaceAll('_', '/'));
  const hex = Buffer.from(text).toString('hex');
  const forms = [text, encodeURIComponent(text), json, ...once, ...usual, ...usual.flatMap(inBase64), hex];
  return [...new Set([...forms, hex.toUpperCase()])];
}

/** Something in which secrets are looked for. */
export interface Place {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * What is left of canaries, and of other secrets as a whole, in these places.
 * @returns for each find the place and what stands around it
 */
export function leaksIn(places: readonly Place[], others: readonly string[]): string[] {
  const forms = [marker, ...others].flatMap((secret) => formsOf(secret).map((form) => Buffer.from(form)));
  return places.flatMap(({ name, bytes }) =>
    forms.flatMap((form) => {
      const at = bytes.indexOf(form);
      if (at === -1) return [];
      const around = bytes.subarray(Math.max(0, at - 200), at + 60).toString('latin1');
      return [`${name}: ${form.toString()} in …${around.replaceAll('\n', ' ')}…`];
    }),
  );
}
