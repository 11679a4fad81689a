import type { ActionRecord } from '../db/destinations.ts';

/** Whether a text means an action of a destination: its id, its name, or what it does in the catalog. */
export function meansAction({ id, name, action }: ActionRecord, text: string): boolean {
  return [id, name, action].includes(text);
}

/** The actions that texts mean, in the destination's order, and the places of texts that mean none. */
export function actionsMeant(
  all: readonly ActionRecord[],
  asked: readonly string[],
): { readonly meant: readonly ActionRecord[]; readonly unknown: readonly number[] } {
  const meant = all.filter((one) => asked.some((text) => meansAction(one, text)));
  const unknown = asked.flatMap((text, index) => (all.some((one) => meansAction(one, text)) ? [] : [index]));
  return { meant, unknown };
}
