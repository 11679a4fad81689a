import { isDeepStrictEqual } from 'node:util';
import { masked } from './mask-urls.ts';

type Members = Readonly<Record<string, unknown>>;

/** Of members that no answer shows, those that a change changed: their names lead to them, their values are masked. */
export interface Unseen {
  readonly changed: readonly string[];
  /** Absent: there was none of them. */
  readonly before?: Members;
  readonly after?: Members;
}

/** What hooks saved for an action; `pointer` leads to its mapping in the request. */
export interface SavedByHook {
  readonly pointer: string;
  readonly mapping: Members;
}

/**
 * What a handler knows of its change that neither its request nor its answer tells the audit log. It is kept however the
 * request ends: refused, or broken off by an error.
 */
export class AuditNotes {
  #unseen: Unseen | null = null;
  readonly #saved: SavedByHook[] = [];
  #changesNothing = false;

  /** Two states of what no answer shows, as secrets are; only names are kept of them. */
  unseen(before: Members, after: Members): void {
    this.#unseen = differing(before, after);
  }

  /** A hook has made or found something at its service, which stays there whatever becomes of the request. */
  savedByHook(saved: SavedByHook): void {
    this.#saved.push(saved);
  }

  /** The request only asks what would be: its answer is not how the thing is after it. */
  changesNothing(): void {
    this.#changesNothing = true;
  }

  /** All that was noted, as the end of a change has it. */
  told(): {
    readonly changesNothing: boolean;
    readonly unseen?: Unseen;
    readonly savedByHooks?: readonly SavedByHook[];
  } {
    return {
      changesNothing: this.#changesNothing,
      ...(this.#unseen !== null && this.#unseen.changed.length > 0 && { unseen: this.#unseen }),
      ...(this.#saved.length > 0 && { savedByHooks: this.#saved }),
    };
  }
}

/** The names of the members of `after` that were otherwise before. */
export function changedMembers(before: unknown, after: unknown): string[] {
  if (!isRecord(before) || !isRecord(after)) return [];
  return Object.keys(after).filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

function differing(before: Members, after: Members): Unseen {
  const changed: string[] = [];
  const [had, has] = [{}, {}] as [Record<string, unknown>, Record<string, unknown>];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[name], after[name]];
    if (isDeepStrictEqual(old, now)) continue;
    const below = isRecord(old) && isRecord(now) ? differing(old, now) : null;
    changed.push(...(below?.changed.map((path) => `${name}.${path}`) ?? [name]));
    if (old !== undefined) had[name] = below === null ? masked : (below.before ?? {});
    if (now !== undefined) has[name] = below === null ? masked : (below.after ?? {});
  }
  return {
    changed,
    ...(Object.keys(had).length > 0 && { before: had }),
    ...(Object.keys(has).length > 0 && { after: has }),
  };
}

const isRecord = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
