/** What an answer says of the items of its request, in their order. */
export interface ToldItems {
  /** Why an item was not taken; null: the answer does not say so of it. */
  readonly refused: readonly (string | null)[];
  /** Why those that are not refused cannot be counted as taken either; null: they were taken. */
  readonly unclear: string | null;
  /** What those that were not taken have met; absent: a refusal for good. */
  readonly as?: 'throttled' | 'failed' | 'down';
}

type Path = readonly string[];

const noReason = 'The destination gives no reason.';

/** Nothing is known for certain. */
export const unclear = (items: number, why: string): ToldItems => ({
  refused: Array.from({ length: items }, () => null),
  unclear: why,
});

/** The texts and numbers of these members, those that are there. */
export function reasonOf(error: unknown, members: readonly (string | Path)[]): string {
  const found = members.map((one) => at(error, typeof one === 'string' ? [one] : one));
  const texts = found.filter((one) => typeof one === 'string' || typeof one === 'number').map(String);
  return texts.length === 0 ? noReason : texts.join(': ');
}

/** A list or object that has something. */
export const isFilled = (value: object): boolean => Object.keys(value).length > 0;

/** @returns undefined when it is no JSON */
export function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
}

/** What is at a path of own members; an empty one is the value itself. */
export function at(value: unknown, path: Path): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found;
}
