import { meansAction } from '../core/means-action.ts';
import { sideEffects } from '../core/replay-status.ts';
import { readReplayToBrake, type ReplayToBrake } from '../db/replay-actions.ts';
import { brakeReplay } from '../db/replays.ts';
import type { Queryable } from '../db/sql.ts';
import { readCatalogDocument } from '../destinations/catalog/read.ts';
import { refusedEffect } from '../destinations/catalog/refused-effects.ts';
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
  if (replay === null || !isUnwanted(replay) || !(await brakeReplay(db, runId, sideEffects))) return;
  const { destinationId } = replay;
  tell({ what: 'replay_paused', reason: sideEffects, destinationId, kind: 'replay', runId, lane });
}

function isUnwanted({ type, actions, allowed }: ReplayToBrake): boolean {
  const document = readCatalogDocument(type);
  if (document === null) return false;
  return actions.some((one) => {
    const { action, mapping } = one;
    if (action === null || allowed.some((text) => meansAction(one, text))) return false;
    return refusedEffect(document, { action, mapping }) !== null;
  });
}
