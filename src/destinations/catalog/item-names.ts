import type { ItemRule } from '../item-rules.ts';
import { at, isFilled, unclear, type ToldItems } from './item-reading.ts';

type Rule = Extract<ItemRule, { kind: 'named_values' }>;

interface Named {
  /** The member of an item that the values are of; absent: of the item itself. */
  readonly member: string | undefined;
  readonly path: string;
  /** What is said of each value; null: it is listed, no more. */
  readonly whys: ReadonlyMap<string, string | null>;
}

/** An answer that names what failed by a value of each. @param request its parsed body */
export function byValue(rule: Rule, body: unknown, items: number, request: unknown): ToldItems | null {
  const count = rule.count === undefined ? undefined : (at(body, rule.count) ?? 0);
  const lists = rule.values.flatMap(({ member, memberNamedBy, lists: paths }) =>
    paths.map((path) => ({
      member: memberNamedBy === undefined ? member : String(at(request, memberNamedBy)),
      path,
      list: at(body, path) ?? [],
    })),
  );
  const isKnown = count === undefined || (typeof count === 'number' && count >= 0);
  if (!isKnown || lists.some(({ list }) => typeof list !== 'object'))
    return unclear(items, 'The answer tells of failed items in another shape.');
  const named = lists
    .filter(({ list }) => isFilled(list))
    .map(({ member, path, list }): Named => ({ member, path: path.join('.'), whys: whysIn(list) }));
  const listed = named.reduce((sum, { whys }) => sum + whys.size, 0);
  const failed = count ?? listed;
  if (failed === 0 && listed === 0) return null;
  const sent = rule.items.map((path) => at(request, path)).find((one) => Array.isArray(one)) as
    readonly unknown[] | undefined;
  // A request of one item has no list of them; what the answer says can only be of that one.
  if (sent?.length !== items && items !== 1)
    return unclear(items, `The answer tells of ${failed} failed items, and not of which.`);
  const refused = Array.from({ length: items }, (_, index) => whyOf(sent?.[index] ?? request, named));
  if (items === 1 || (count !== undefined && failed >= items)) {
    const why = rule.count === undefined ? allOf(named) : `${rule.count.join('.')}: ${failed}`;
    return { refused: refused.map((one) => one ?? why), unclear: null };
  }
  const found = refused.filter((why) => why !== null).length;
  const why = `The answer tells of ${failed} failed items, and names ${found} of those that were sent.`;
  return { refused, unclear: found === 0 || failed > found ? why : null };
}

function whyOf(item: unknown, named: readonly Named[]): string | null {
  for (const { member, path, whys } of named) {
    const value = member === undefined ? item : at(item, [member]);
    if (typeof value !== 'string' && typeof value !== 'number') continue;
    const why = whys.get(String(value));
    if (why === null)
      return `${path}: it is listed there${member === undefined ? '' : ` with its ${member}`}`;
    if (why !== undefined) return `${path}: ${why}`;
  }
  return null;
}

/** A list of values, or an object that has what is wrong by the value. */
function whysIn(list: object): ReadonlyMap<string, string | null> {
  if (Array.isArray(list)) return new Map(list.map((value) => [String(value), null]));
  return new Map(Object.entries(list).map(([value, why]) => [value, JSON.stringify(why) ?? '']));
}

function allOf(named: readonly Named[]): string {
  const [{ path, whys } = { path: '', whys: new Map<string, string | null>() }] = named;
  return `${path}: ${[...whys].map(([value, why]) => why ?? value).join(', ')}`;
}
