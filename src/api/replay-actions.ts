import type { ReplayRequest } from '../core/replay-request.ts';
import { getDestination, type DestinationRecord } from '../db/destinations.ts';
import type { RunRecord } from '../db/runs.ts';
import type { Queryable } from '../db/sql.ts';
import { actionsTakenUp } from '../db/take-up.ts';
import { actionsMeant } from './named-actions.ts';
import { isProblem, type Problem } from './problem.ts';
import { invalidBody } from './route.ts';
import { unwantedSideEffects } from './side-effects.ts';

type Actions = DestinationRecord['actions'];

/**
 * The ids of the actions that a replay is asked to use, null: all. Or why it may not: one that there is not, or actions
 * that reach people or take something away and are not allowed by name. One of failures uses those of the dead letters
 * that it takes up: see `unwantedRetry`.
 */
export function actionsOfReplay(
  destination: Pick<DestinationRecord, 'type' | 'actions'>,
  asked: Pick<ReplayRequest, 'actions' | 'allowSideEffects' | 'mode'>,
): readonly string[] | null | Problem {
  const used = asked.actions === undefined ? destination.actions : chosen(destination.actions, asked.actions);
  if (isProblem(used)) return used;
  const { allowSideEffects: allowed = [], mode } = asked;
  const refused =
    unknownAllowed(destination, allowed) ??
    (mode === 'failed' ? null : unwantedSideEffects({ ...destination, actions: used }, allowed));
  if (refused !== null) return refused;
  return asked.actions === undefined ? null : used.map(({ id }) => id);
}

/** The refusal of names in `allowSideEffects` that no action has; null: each has one. */
export function unknownAllowed(
  { actions }: Pick<DestinationRecord, 'actions'>,
  allowed: readonly string[],
): Problem | null {
  const { unknown } = actionsMeant(actions, allowed);
  return unknown.length === 0 ? null : noSuchActions('allowSideEffects', unknown, actions);
}

/** What the request of a replay has allowed, as it was checked then. */
export function allowedBy({ request }: Pick<RunRecord, 'request'>): readonly string[] {
  return (request as Partial<ReplayRequest>).allowSideEffects ?? [];
}

/**
 * The refusal of a replay of failures that has just been made, in its transaction: of the actions of dead letters that it
 * has taken up, some reach people or take something away, and are not allowed by name. What it has not marked yet is
 * looked at before it sends.
 */
export async function unwantedRetry(
  tx: Queryable,
  retry: Pick<RunRecord, 'id' | 'destinationId' | 'request'>,
): Promise<Problem | null> {
  const { id, destinationId } = retry;
  const allowed = allowedBy(retry);
  const destination = await getDestination(tx, destinationId);
  if (destination === null || unwantedSideEffects(destination, allowed) === null) return null;
  const taken = new Set(await actionsTakenUp(tx, id));
  const actions = destination.actions.filter((action) => taken.has(action.id));
  return unwantedSideEffects({ ...destination, actions }, allowed, 'retry');
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
