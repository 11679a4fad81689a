import { meansAction } from '../core/means-action.ts';
import type { ActionRecord } from '../db/destinations.ts';

/** The actions that texts mean, in the destination's order, and the places of texts that mean none. */
export function actionsMeant(
  all: readonly ActionRecord[],
  asked: readonly string[],
): { readonly meant: readonly ActionRecord[]; readonly unknown: readonly number[] } {
  const meant = all.filter((one) => asked.some((text) => meansAction(one, text)));
  const unknown = asked.flatMap((text, index) => (all.some((one) => meansAction(one, text)) ? [] : [index]));
  return { meant, unknown };
}
