import type { Database } from '../database.ts';
import type { ClaimedDeletion } from './claim.ts';

/** Where an answer is kept, and the sealed text of it. */
export interface SealedAnswer {
  readonly route: string;
  readonly key: string;
  readonly sealed: string;
}

/** Opens and seals kept answers. */
export interface AnswerSeal {
  /** @returns undefined when it cannot be opened */
  readonly open: (answer: SealedAnswer) => unknown;
  /** @returns the sealed text of another content in its place */
  readonly seal: (answer: SealedAnswer, content: unknown) => string;
}

/** A deletion that is done beside the archive. */
export interface Deleting {
  readonly db: Database;
  readonly claim: ClaimedDeletion;
  readonly answers: AnswerSeal;
}

/** Something beside the archive in which a person may be named. */
export interface Place {
  readonly table: string;
  /** What of him stands there, for the certificate. */
  readonly what: string;
  /** What becomes of it, for the certificate. */
  readonly how: string;
  /** Does it, in steps that may be done again. */
  readonly forget: (deleting: Deleting) => Promise<void>;
}
