import {
  countSealed,
  replaceSealed,
  sealedKinds,
  sealedOtherwise,
  type SealedKind,
} from '../db/sealed-texts.ts';
import type { ProcessRecord } from '../db/processes.ts';
import type { Queryable } from '../db/sql.ts';
import { rewrap, SealError, type Keyring } from '../destinations/secrets.ts';
import { placeOf } from './sealed-place.ts';

const rowsPerPage = 200;

/** How texts stand that were sealed with one key. */
export interface KeyUse {
  readonly keyId: string;
  readonly destinations: number;
  readonly keptAnswers: number;
  readonly notifications: number;
}

const countNames = {
  destination: 'destinations',
  idempotency_key: 'keptAnswers',
  notification: 'notifications',
} as const satisfies Record<SealedKind, keyof KeyUse>;

/** How many texts each key seals. */
export async function keyUses(db: Queryable): Promise<KeyUse[]> {
  const uses = new Map<string, KeyUse>();
  for (const { kind, keyId, count } of await countSealed(db)) {
    const use = uses.get(keyId) ?? { keyId, destinations: 0, keptAnswers: 0, notifications: 0 };
    uses.set(keyId, { ...use, [countNames[kind]]: count });
  }
  return [...uses.values()].toSorted((one, other) => one.keyId.localeCompare(other.keyId));
}

/** What became of the texts that another key sealed. */
export interface KeyChange {
  rewrapped: number;
  /** Sealed with a key that this process does not have, or damaged. */
  readonly unreadable: {
    readonly kind: SealedKind;
    readonly row: readonly string[];
    readonly detail: string;
  }[];
  /** All have been looked at. */
  complete: boolean;
}

/**
 * Wraps the data keys of all texts that another key sealed with the keyring's current one, while everything runs. A
 * text that somebody changes meanwhile stays as he wrote it.
 * @param goOn asked before each page
 */
export async function changeKey(db: Queryable, keyring: Keyring, goOn: () => boolean): Promise<KeyChange> {
  const change: KeyChange = { rewrapped: 0, unreadable: [], complete: false };
  for (const kind of sealedKinds) {
    let after: readonly string[] | null = null;
    for (;;) {
      if (!goOn()) return change;
      const texts = await sealedOtherwise(db, kind, keyring.current, after, rowsPerPage);
      for (const text of texts) {
        try {
          const sealed = rewrap(text.sealed, placeOf(text), keyring);
          if (await replaceSealed(db, text, sealed)) change.rewrapped += 1;
        } catch (error) {
          if (!(error instanceof SealError)) throw error;
          change.unreadable.push({ kind, row: text.row, detail: error.message });
        }
      }
      after = texts.at(-1)?.row ?? null;
      if (after === null) break;
    }
  }
  change.complete = true;
  return change;
}

/**
 * The processes that would not open, or not seal with, the keyring's current key.
 * @param processes those that run
 */
export function processesWithout(processes: readonly ProcessRecord[], keyring: Keyring): ProcessRecord[] {
  return processes.filter(({ role, keyIds }) => {
    if (role === 'orchestration') return false; // it opens nothing
    return role === 'api' ? keyIds[0] !== keyring.current : !keyIds.includes(keyring.current);
  });
}
