import type { ItemRule } from '../item-rules.ts';
import type { Exchange } from './account-http.ts';
import { refusedItems } from './item-errors.ts';
import { unclear, type ToldItems } from './item-reading.ts';
import type { JobRun } from './job-run.ts';

/**
 * What the answers to a job's requests say of its items, by the rules of the destination's profile.
 * @param items how many events the requests stand for
 * @param isError the definition has thrown: only what the last answer says counts then, as something went wrong after it
 * @returns null: nothing
 */
export function toldItems(
  rules: readonly ItemRule[],
  items: number,
  { exchanges, last }: Pick<JobRun, 'exchanges' | 'last'>,
  isError: boolean,
): ToldItems | null {
  if (last === null) return null;
  let fine: ToldItems | null = null;
  for (const rule of rules) {
    const asked = askedBy(rule, [...exchanges.values()], last).filter((one) => !isError || one === last);
    const told = asked.length === 1 ? toldBy(rule, asked[0]!, items) : toldTogether(rule, asked, items);
    if (told === null) continue;
    if (told.unclear !== null || told.refused.some((why) => why !== null)) return told;
    fine ??= told;
  }
  return fine;
}

/** Whose answers a rule reads: of requests that it does not name it is known which tell of items when there is but one. */
function askedBy(rule: ItemRule, all: readonly Exchange[], last: Exchange): readonly Exchange[] {
  if (rule.at !== undefined) {
    const pattern = new RegExp(rule.at, 'u');
    return all.filter(({ url }) => pattern.test(URL.parse(url)?.pathname ?? ''));
  }
  return all.length === 1 || rule.kind === 'whole_request' ? [last] : [];
}

const toldBy = (rule: ItemRule, { answer, request }: Exchange, items: number) =>
  refusedItems(rule, answer, items, request.body);

/** Several requests: which events each was for is not known, so a failure in one makes all doubtful. */
function toldTogether(rule: ItemRule, asked: readonly Exchange[], items: number): ToldItems | null {
  for (const exchange of asked) {
    const told = toldBy(rule, exchange, items);
    const why = told?.unclear ?? told?.refused.find((one) => one !== null) ?? null;
    if (told !== null && why !== null) return items === 1 ? told : unclear(items, why);
  }
  return null;
}
