import { sideEffects } from '../core/replay-status.ts';
import { readReplayToBrake } from '../db/replay-actions.ts';
import { brakeReplay } from '../db/replays.ts';
import type { Queryable } from '../db/sql.ts';
import { unallowedEffects } from '../destinations/catalog/refused-effects.ts';
import type { TellNews } from './lane-news.ts';

/**
 * Pauses a replay before it sends what reaches people or takes something away and was never allowed. Whoever asks for one
 * is refused then; but a planned replay begins with the mappings of later, and one of failures may have been asked for
 * before it was known which dead letters it takes up.
 */
export async function brakeSideEffects(
  { db, tell }: { readonly db: Queryable; readonly tell: TellNews },
  { runId, lane }: { readonly runId: string; readonly lane: number },
): Promise<void> {
  const replay = await readReplayToBrake(db, runId, sideEffects);
  if (replay === null) return;
  const { destinationId, type, actions, allowed } = replay;
  if (unallowedEffects(type, actions, allowed).length === 0) return;
  if (!(await brakeReplay(db, runId, sideEffects))) return;
  tell({ what: 'replay_paused', reason: sideEffects, destinationId, kind: 'replay', runId, lane });
}
