/** One of the two ids of a person, as the archive's look-up columns have it. */
export type PersonId =
  | { readonly userId: string; readonly anonymousId: null }
  | { readonly userId: null; readonly anonymousId: string };

/** The id itself. */
export function idOf(person: PersonId): string {
  return person.userId ?? person.anonymousId;
}

/**
 * A regular expression, as Postgres and JavaScript read it alike, that finds an id in any text: as it is, or as JSON
 * writes it, also inside of a text that is JSON's itself. It stands alone there: no letter or digit before or after it.
 */
export function patternOf(id: string): string {
  const inJson = [id, asJson(id), asciiJson(id)];
  const forms = new Set([...inJson, ...inJson.map(asJson)]);
  const alternatives = [...forms].map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  return `(^|[^a-zA-Z0-9])(${alternatives.join('|')})($|[^a-zA-Z0-9])`;
}

/** Whether a text, or the value of it when it is JSON, names an id: as a member or an element, or alone in the text. */
export function names(text: string, id: string, pattern: RegExp): boolean {
  if (pattern.test(text)) return true;
  if (!text.includes('\\')) return false; // only then could JSON write it in another way
  try {
    return hasValue(JSON.parse(text), id);
  } catch {
    return false;
  }
}

function hasValue(root: unknown, id: string): boolean {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (value === id) return true;
    if (typeof value === 'object' && value !== null) open.push(...Object.values(value));
  }
  return false;
}

const asJson = (text: string) => JSON.stringify(text).slice(1, -1);

const asciiJson = (text: string) =>
  asJson(text).replaceAll(
    /[^\0-~]/g,
    (unit) => String.raw`\u` + unit.charCodeAt(0).toString(16).padStart(4, '0'),
  );
