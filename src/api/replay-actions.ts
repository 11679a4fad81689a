import type { DestinationRecord } from '../db/destinations.ts';
import { actionsMeant } from './named-actions.ts';
import { isProblem, type Problem } from './problem.ts';
import { invalidBody } from './route.ts';
import { unwantedSideEffects } from './side-effects.ts';

type Actions = DestinationRecord['actions'];

/**
 * The ids of the actions that a replay is asked to use, null: all. Or why it may not: one that there is not, or actions
 * that reach people or take something away and are not allowed by name.
 */
export function actionsOfReplay(
  destination: Pick<DestinationRecord, 'type' | 'actions'>,
  asked: { readonly actions?: readonly string[]; readonly allowSideEffects?: readonly string[] },
): readonly string[] | null | Problem {
  const used = asked.actions === undefined ? destination.actions : chosen(destination.actions, asked.actions);
  if (isProblem(used)) return used;
  const { allowSideEffects: allowed = [] } = asked;
  const { unknown } = actionsMeant(destination.actions, allowed);
  if (unknown.length > 0) return noSuchActions('allowSideEffects', unknown, destination.actions);
  const unwanted = unwantedSideEffects({ ...destination, actions: used }, allowed);
  if (unwanted !== null) return unwanted;
  return asked.actions === undefined ? null : used.map(({ id }) => id);
}

/** In the destination's order. One of its names may stand for several actions that do the same. */
function chosen(actions: Actions, asked: readonly string[]): Actions | Problem {
  const { meant, unknown } = actionsMeant(actions, asked);
  return unknown.length === 0 ? meant : noSuchActions('actions', unknown, actions);
}

function noSuchActions(member: string, unknown: readonly number[], actions: Actions): Problem {
  const names = actions.map(({ name }) => JSON.stringify(name)).join(', ');
  return invalidBody(
    unknown.map((index) => ({
      pointer: `/${member}/${index}`,
      detail: `The destination has no such action. It has: ${names}.`,
    })),
  );
}
