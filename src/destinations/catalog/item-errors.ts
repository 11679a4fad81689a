import type { Answer } from '../http-attempt.ts';
import type { ItemRule } from '../item-rules.ts';
import { everyItem } from './item-list.ts';
import { byValue } from './item-names.ts';
import { answerBytes, plainBody } from './plain-body.ts';
import { at, isFilled, parsed, reasonOf, unclear, type ToldItems } from './item-reading.ts';

const none = new Uint8Array();

/**
 * What an answer of 2xx says of each item of its request, by a shape that the destination's profile knows. What it
 * contradicts, or tells in another shape, was not taken for certain.
 * @param items how many events the request stands for
 * @param request its body @returns null when the answer does not tell items apart
 */
export function refusedItems(
  rule: ItemRule,
  answer: Answer,
  items: number,
  request: Uint8Array = none,
): ToldItems | null {
  if (answer.kind !== 'answered' || answer.head.status < 200 || answer.head.status > 299) return null;
  const sent = 'of' in rule || 'items' in rule ? parsed(request) : undefined;
  if (rule.kind === 'every_item' && rule.of !== undefined && listIn(sent, rule.of) === undefined) return null;
  if (answer.body.length === 0) return isNeeded(rule, sent) ? unclear(items, 'The answer is empty.') : null;
  const plain = plainBody(answer.body, answer.head.headers['content-encoding'], answerBytes);
  const body = plain === null ? undefined : parsed(plain);
  if (body === undefined) return unclear(items, 'The answer is no JSON, or longer than it is read.');
  switch (rule.kind) {
    case 'whole_request':
      return wholeRequest(rule, body, items);
    case 'named_values':
      return byValue(rule, body, items, sent);
    case 'untold':
      return untold(rule, body, items);
    case 'results':
      return byResults(rule, body, items, sent);
    case 'every_item':
      return everyItem(rule, answer.head.status, body, items, listIn(sent, rule.of ?? []));
    case 'failed_items':
      return byIndex(rule, answer.head.status, body, items);
  }
}

type Rule<Kind extends ItemRule['kind']> = Extract<ItemRule, { kind: Kind }>;

/** Whether such a request has to be answered with something. */
function isNeeded(rule: ItemRule, sent: unknown): boolean {
  if (rule.kind === 'results') return Array.isArray(at(sent, rule.items));
  return rule.kind === 'every_item' ? rule.of !== undefined : 'required' in rule;
}

/** The first of these that is a list. */
function listIn(request: unknown, paths: readonly (readonly string[])[]): readonly unknown[] | undefined {
  return paths.map((path) => at(request, path)).find((one) => Array.isArray(one)) as unknown[] | undefined;
}

function byIndex(rule: Rule<'failed_items'>, status: number, body: unknown, items: number): ToldItems | null {
  const told = at(body, rule.list);
  if (told === undefined)
    return status === 207 ? unclear(items, 'The answer tells of parts, and not of which.') : null;
  if (!Array.isArray(told)) return unclear(items, 'The answer lists items in another shape.');
  const refused = Array.from({ length: items }, (): string | null => null);
  let strangers = 0;
  for (const one of told) {
    const index = at(one, [rule.index]);
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= items) strangers += 1;
    else refused[index] ??= reasonOf(one, rule.reason);
  }
  const why = `The answer lists ${strangers} failed items that were not sent.`;
  return { refused, unclear: strangers === 0 ? null : why };
}

/** All of a request, by one member that says how it went. */
function wholeRequest(rule: Rule<'whole_request'>, body: unknown, items: number): ToldItems | null {
  const value = at(body, rule.success) as string | number | boolean | undefined;
  const name = rule.success.join('.');
  if (value === undefined)
    return rule.required === true ? unclear(items, `The answer does not say ${name}.`) : null;
  const { taken = [true], throttled, failed, down } = rule;
  if (taken.includes(value)) return null;
  const as = (['throttled', 'failed', 'down'] as const).find((kind) =>
    ({ throttled, failed, down })[kind]?.includes(value),
  );
  const said = reasonOf(body, rule.reason);
  const why = typeof value === 'boolean' ? said : `${name}: ${String(value)}: ${said}`;
  return { refused: Array.from({ length: items }, () => why), unclear: null, ...(as && { as }) };
}

/** Of several items it is not known which have failed; a request of one can only mean that one. */
function untold(rule: Rule<'untold'>, body: unknown, items: number): ToldItems | null {
  const failures = at(body, rule.failures);
  if (failures === undefined || failures === null || failures === 0) return null;
  const name = rule.failures.join('.');
  if (typeof failures === 'object' && !isFilled(failures)) return null;
  const isKnown = typeof failures === 'object' || (typeof failures === 'number' && failures > 0);
  if (!isKnown) return unclear(items, `The answer tells of ${name} in another shape.`);
  const first: unknown = Array.isArray(failures) ? failures[0] : body;
  const said = typeof failures === 'object' ? reasonOf(first, rule.reason) : String(failures);
  const why = `${name}: ${said}`;
  if (items > 1) return unclear(items, `The answer does not say which items have failed: ${why}`);
  return { refused: [why], unclear: null, ...(rule.as && { as: rule.as }) };
}

function byResults(rule: Rule<'results'>, body: unknown, items: number, request: unknown): ToldItems | null {
  const sent = at(request, rule.items);
  if (!Array.isArray(sent) || sent.length === 0) return null;
  const taken = at(body, rule.taken) ?? [];
  const errors = at(body, rule.errors) ?? [];
  if (!Array.isArray(taken) || !Array.isArray(errors))
    return unclear(items, 'The answer tells of results in another shape.');
  // Fewer results than items are no failure: what is sent twice is one record.
  if (errors.length === 0) return taken.length > 0 ? null : unclear(items, 'The answer has no results.');
  if (items === 1) return { refused: [reasonOf(errors[0], rule.reason)], unclear: null };
  if (sent.length !== items) return unclear(items, 'The answer tells of errors, and not of which events.');
  const whys = new Map<unknown, string>();
  for (const error of errors)
    for (const id of [at(error, rule.ids)].flat()) whys.set(String(id), reasonOf(error, rule.reason));
  const refused = sent.map((one) => whys.get(String(at(one, [rule.id]))) ?? null);
  const found = refused.filter((why) => why !== null).length;
  const why = `The answer has ${errors.length} errors, and names ${found} of the items that were sent.`;
  return { refused, unclear: found < errors.length ? why : null };
}
