import type { ItemErrors } from '../replay-profile.ts';
import type { Answer } from '../http-attempt.ts';

/** What an answer says of the items of its request, in their order. */
export interface ToldItems {
  /** Why an item was not taken; null: the answer does not say so of it. */
  readonly refused: readonly (string | null)[];
  /** Why those that are not refused cannot be counted as taken either; null: they were taken. */
  readonly unclear: string | null;
}

/**
 * What an answer of 2xx says of each item of its request, by the shape that the destination's profile knows. What it
 * contradicts, or tells in another shape, was not taken for certain.
 * @param items how many the request had
 * @param request its body @returns null when the answer does not tell items apart
 */
export function refusedItems(
  rule: ItemErrors,
  answer: Answer,
  items: number,
  request: Uint8Array = none,
): ToldItems | null {
  if (answer.kind !== 'answered' || answer.head.status < 200 || answer.head.status > 299) return null;
  if (answer.body.length === 0) return null;
  const body = parsed(answer.body);
  if (body === undefined) return unclear(items, 'The answer is no JSON, or longer than it is read.');
  if (rule.kind === 'whole_request') return wholeRequest(rule, body, items);
  if (rule.kind === 'named_values') return byValue(rule, body, items, parsed(request));
  const told = at(body, rule.list);
  if (told === undefined) {
    return answer.head.status === 207 ? unclear(items, 'The answer tells of parts, and not of which.') : null;
  }
  if (!Array.isArray(told)) return unclear(items, 'The answer lists items in another shape.');
  return rule.kind === 'failed_items' ? byIndex(rule, told, items) : inOrder(rule, told, items);
}

type Rule<Kind extends ItemErrors['kind']> = Extract<ItemErrors, { kind: Kind }>;

const none = new Uint8Array();
const noReason = 'The destination gives no reason.';

const unclear = (items: number, why: string): ToldItems => ({
  refused: Array.from({ length: items }, () => null),
  unclear: why,
});

function byIndex(rule: Rule<'failed_items'>, told: readonly unknown[], items: number): ToldItems {
  const refused = Array.from({ length: items }, (): string | null => null);
  let strangers = 0;
  for (const one of told) {
    const index = at(one, [rule.index]);
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= items) strangers += 1;
    else refused[index] ??= reason(one, rule.reason);
  }
  const why = `The answer lists ${strangers} failed items that were not sent.`;
  return { refused, unclear: strangers === 0 ? null : why };
}

function inOrder(rule: Rule<'every_item'>, told: readonly unknown[], items: number): ToldItems {
  if (told.length !== items)
    return unclear(items, `The answer tells of ${told.length} items, and ${items} were sent.`);
  let strange = 0;
  const refused = told.map((one) => {
    const errors = at(one, rule.errors);
    if (Array.isArray(errors)) return errors.length > 0 ? reason(errors[0], rule.reason) : null;
    const isFine = typeof one === 'object' && one !== null && (errors === undefined || errors === null);
    if (!isFine) strange += 1;
    return null;
  });
  return { refused, unclear: strange === 0 ? null : 'The answer tells of items in another shape.' };
}

/** Items that a value of theirs stands for in lists of what failed. */
function byValue(
  rule: Rule<'named_values'>,
  body: unknown,
  items: number,
  request: unknown,
): ToldItems | null {
  const count = at(body, rule.count) ?? 0;
  const lists = rule.values.flatMap(({ member, lists: paths }) =>
    paths.map((path) => ({ member, path, list: at(body, path) ?? [] })),
  );
  const isKnown = typeof count === 'number' && count >= 0 && lists.every(({ list }) => Array.isArray(list));
  if (!isKnown) return unclear(items, 'The answer tells of failed items in another shape.');
  const named = lists.map(({ member, path, list }) => ({ member, path, values: new Set(list as unknown[]) }));
  if (count === 0 && named.every(({ values }) => values.size === 0)) return null;
  const sent = rule.items.map((name) => at(request, [name])).find(Array.isArray) as unknown[] | undefined;
  if (sent?.length !== items) {
    // A request of one item has no list of them; what the answer says can only be of that one.
    if (items !== 1) return unclear(items, `The answer tells of ${count} failed items, and not of which.`);
  }
  const refused = Array.from({ length: items }, (_, index) => {
    const one = sent?.[index] ?? request;
    const hit = named.find(({ member, values }) => values.has(at(one, [member])));
    return hit === undefined ? null : `${hit.path.join('.')}: it is listed there with its ${hit.member}`;
  });
  const told = refused.filter((why) => why !== null).length;
  if (count >= items) {
    const why = `${rule.count.join('.')}: ${count}`;
    return { refused: refused.map((one) => one ?? why), unclear: null };
  }
  const strangers = told === 0 || count > told;
  const why = `The answer tells of ${count} failed items, and names ${told} of those that were sent.`;
  return { refused, unclear: strangers ? why : null };
}

/** All of a request, by one member that says how it went. */
function wholeRequest(rule: Rule<'whole_request'>, body: unknown, items: number): ToldItems | null {
  if (at(body, rule.success) !== false) return null;
  const why = reason(body, rule.reason);
  return { refused: Array.from({ length: items }, () => why), unclear: null };
}

/** The texts of these members, those that are there. */
function reason(error: unknown, members: readonly string[]): string {
  const texts = members.map((name) => at(error, [name])).filter((text) => typeof text === 'string');
  return texts.length === 0 ? noReason : texts.join(': ');
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found;
}
