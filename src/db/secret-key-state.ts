import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from './database.ts';
import { isOutage } from './outage.ts';
import { countSealed } from './sealed-texts.ts';
import type { Queryable } from './sql.ts';

/** The secret keys of a process by their ids, the one that it seals with first, and those that are given up. */
export interface KeyIds {
  readonly known: readonly string[];
  /** Of keys that are lost for good (REPRISE_LOST_SECRET_KEYS). */
  readonly lost: readonly string[];
}

/** Settings of destinations and notifications that one key seals. */
export interface SealedWith {
  readonly keyId: string;
  readonly destinations: number;
  readonly notifications: number;
}

/** How the settings in a database stand against the keys of a process. */
export interface SecretKeyState {
  /** fits: all can be opened; partly: some, or the others are given up; wrong: none */
  readonly verdict: 'fits' | 'partly' | 'wrong';
  /** What no key of the process opens. */
  readonly closed: readonly SealedWith[];
}

/**
 * Compares keys with the settings in a database, by the ids of the keys that these name. Kept answers do not count: they
 * are gone within a day, and nobody enters them again.
 */
async function secretKeyStateOf(db: Queryable, { known, lost }: KeyIds): Promise<SecretKeyState> {
  const byKey = new Map<string, SealedWith>();
  for (const { kind, keyId, count } of await countSealed(db)) {
    if (kind === 'idempotency_key' || keyId === '') continue; // what names no key was damaged, whatever the key
    const so = byKey.get(keyId) ?? { keyId, destinations: 0, notifications: 0 };
    byKey.set(keyId, {
      ...so,
      [kind === 'destination' ? 'destinations' : 'notifications']: count,
    });
  }
  const all = [...byKey.values()].toSorted((one, other) => one.keyId.localeCompare(other.keyId));
  const closed = all.filter(({ keyId }) => !known.includes(keyId));
  if (closed.length === 0) return { verdict: 'fits', closed };
  const opensNothing = closed.length === all.length;
  const isGivenUp = closed.every(({ keyId }) => lost.includes(keyId));
  return { verdict: opensNothing && !isGivenUp ? 'wrong' : 'partly', closed };
}

/** The same over a connection of its own. @throws what Postgres or the network says when it cannot be reached */
export async function secretKeyState(url: string, keys: KeyIds): Promise<SecretKeyState> {
  const db = openDatabase({ url, name: 'reprise-key', maxConnections: 1, queryTimeoutMs: 10_000 });
  try {
    return await secretKeyStateOf(db, keys);
  } finally {
    await db.close();
  }
}

/** A secret key that opens none of the settings in the database. The message has ids of keys, and nothing of a key. */
export class WrongSecretKey extends Error {
  override readonly name = 'WrongSecretKey';
  /** @param hint where the right key may be */
  constructor(known: readonly string[], closed: readonly SealedWith[], hint = '') {
    const ids = closed.map(({ keyId }) => keyId);
    const own = `${known.length === 1 ? 'The key of this process has the id' : 'The keys of this process have the ids'} ${known.join(', ')}`;
    super(
      `REPRISE_SECRET_KEY is wrong for this database: it opens none of the settings that are sealed there (${closedWords(closed)}). ${own}. ` +
        `${hint === '' ? 'Start with the key that sealed them' : hint.replace(/\.$/, '')}; while the key is changed, REPRISE_OTHER_SECRET_KEYS takes the one of before. ` +
        `Only when it is lost for good: REPRISE_LOST_SECRET_KEYS=${ids.join(',')} gives up what it sealed (docs/secret-key.md).`,
    );
  }
}

/** What cannot be opened, in words: how much of it each key seals. */
export function closedWords(closed: readonly SealedWith[]): string {
  const some = (count: number, one: string) =>
    count === 0 ? [] : [`${count} ${one}${count === 1 ? '' : 's'}`];
  return closed
    .map(({ keyId, destinations, notifications }) => {
      const what = [...some(destinations, 'destination'), ...some(notifications, 'notification')];
      return `${what.join(' and ')} with the key ${keyId}`;
    })
    .join('; ');
}

/** How long a process that starts waits for a Postgres that does not answer; milliseconds. */
const startPatienceMs = 2_000;
const lookAgainMs = 500;

/**
 * To be called by a process that opens or seals, before it works: with a wrong key it could send nothing, and what it
 * sealed would be closed to the right one. While Postgres is away the process starts; once it is back, a wrong key ends
 * the process all the same.
 * @param partly hears what stays closed, in words, where the key opens some of it
 * @throws WrongSecretKey with the remedy
 */
export async function refuseWrongKey(
  db: Queryable,
  keys: KeyIds,
  partly: (closed: string) => void,
): Promise<void> {
  const judged = stateWhenThere(db, keys).then(({ verdict, closed }) => {
    if (verdict === 'wrong') throw new WrongSecretKey(keys.known, closed);
    if (verdict === 'partly') partly(closedWords(closed));
    return true;
  });
  if (await Promise.race([judged, pause(startPatienceMs, false, { ref: false })])) return;
  judged.catch((error: unknown) => {
    if (error instanceof WrongSecretKey) throw error; // nobody catches it: it ends the process
  });
}

async function stateWhenThere(db: Queryable, keys: KeyIds): Promise<SecretKeyState> {
  for (;;) {
    try {
      return await secretKeyStateOf(db, keys);
    } catch (error) {
      if (!isOutage(error)) throw error;
      await pause(lookAgainMs);
    }
  }
}
