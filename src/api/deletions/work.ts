import { setTimeout as delay } from 'node:timers/promises';
import { deleteEvents } from '../../db/deletions/archive.ts';
import {
  claimDeletion,
  DeletionLost,
  endDeletion,
  flightsOver,
  noteHeard,
  releaseDeletion,
  renewDeletion,
  type ClaimedDeletion,
} from '../../db/deletions/claim.ts';
import type { AnswerSeal } from '../../db/deletions/place.ts';
import { places } from '../../db/deletions/places.ts';
import { suppressionHeard } from '../../db/suppressions.ts';
import { open, seal } from '../../destinations/secrets.ts';
import type { ApiDeps } from '../deps.ts';
import { answerPlace } from '../sealed-place.ts';

type Deps = Pick<ApiDeps, 'db' | 'keyring' | 'stopping' | 'log'>;

/** A request takes 30 s at most, and a connection for it has been made by then or not at all; milliseconds. */
const longestFlightMs = 40_000;
const lookMs = 500;

/**
 * Does the deletions that nobody does, one after another, until none is left or the process ends. One that is broken
 * off, by a crash as well, goes on where its last step ended, at any API process.
 * @param flightMs the longest that a request to a destination may take
 */
export async function workDeletions(deps: Deps, flightMs: number = longestFlightMs): Promise<void> {
  while (!deps.stopping.aborted) {
    const claim = await claimDeletion(deps.db);
    if (claim === null) return;
    try {
      await work(deps, claim, flightMs);
    } catch (error) {
      if (!(error instanceof DeletionLost)) {
        await releaseDeletion(deps.db, claim);
        throw error;
      }
    }
  }
}

async function work(deps: Deps, claim: ClaimedDeletion, flightMs: number): Promise<void> {
  const { db, stopping } = deps;
  const goOn = () => !stopping.aborted;
  await holding(deps, claim, () => suppressionHeard(db, claim.revision));
  if (goOn()) await noteHeard(db, claim);
  await deleteEvents(db, claim, goOn);
  // What was on its way may fail, and its failure be written down, until its request is over.
  await holding(deps, claim, () => flightsOver(db, claim, flightMs));
  const deleting = { db, claim, answers: answerSeal(deps) };
  for (const place of places) if (goOn()) await place.forget(deleting);
  // What came in meanwhile was sent to nobody, so it goes as well.
  if (goOn() && (await deleteEvents(db, claim, goOn))) await endDeletion(db, claim);
  else await releaseDeletion(db, claim);
}

/** Waits for something, holding the claim all the while. */
async function holding(
  { db, stopping }: Deps,
  claim: ClaimedDeletion,
  isSo: () => Promise<boolean>,
): Promise<void> {
  while (!stopping.aborted && !(await isSo())) {
    await renewDeletion(db, claim);
    await delay(lookMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

function answerSeal({ keyring }: Deps): AnswerSeal {
  return {
    open: ({ route, key, sealed }) => {
      try {
        return open(sealed, answerPlace(route, key), keyring);
      } catch {
        return undefined;
      }
    },
    seal: ({ route, key }, content) => seal(content, answerPlace(route, key), keyring),
  };
}
