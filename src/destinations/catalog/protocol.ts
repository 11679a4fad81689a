import type { Audience } from '../../core/audience.ts';
import type { Question } from '../question.ts';

/**
 * What a delivery process and its child say to each other. The child maps events and runs the definitions' code; it has
 * no network of its own: each request that a definition makes is asked of the parent, which sends it as all others, and
 * knows what has left whatever becomes of the child. Connections of definitions that dial by themselves lead to a relay
 * of the parent, which has dialled for them.
 */

/** One action as a child runs it. */
export interface JobAction {
  /** Its key in the definition. */
  readonly type: string;
  readonly mapping: Readonly<Record<string, unknown>>;
  /** The most bytes that the mapping may make of an event; absent: no limit is known. */
  readonly eventBytes?: number;
  /** Those that its events may name; absent: the definition knows of none. */
  readonly audiences?: readonly Audience[];
}

/** A definition with what its account needs. */
export interface Account {
  /** The definition's folder in the package, or the absolute path of the file of a deployment's own. */
  readonly folder: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Given to definitions of the schemes `oauth2` and `oauth-managed`. */
  readonly auth?: { readonly accessToken?: string; readonly refreshToken?: string };
  readonly features?: Readonly<Record<string, boolean>>;
}

/** What a definition fetches new tokens with. */
export interface OAuth {
  readonly accessToken?: string;
  readonly refreshToken?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
}

/** Work with events. */
export type EventWork =
  | { readonly kind: 'one'; readonly action: JobAction; readonly event: string }
  | {
      readonly kind: 'batch';
      readonly action: JobAction;
      readonly events: readonly string[];
      /** Fields whose values have to be alike within one call. */
      readonly keys: readonly string[];
    };

export type Work =
  | EventWork
  | { readonly kind: 'test' }
  /** The definition fetches new tokens. */
  | { readonly kind: 'refresh'; readonly oauth: OAuth }
  /** It answers whoever sets the destination up. */
  | { readonly kind: 'question'; readonly question: Question };

/** One call of a definition, over which it may make any number of requests. */
export interface Job {
  readonly id: number;
  readonly account: Account;
  readonly work: Work;
  /** The child tells what the mapping made, before the definition is run with it. */
  readonly tellsPayload?: true;
  /** The definition opens connections of its own. */
  readonly dials?: true;
}

/** A request that a definition makes. */
export interface WantedRequest {
  readonly method: string;
  readonly url: string;
  /** name, value, name, value, ... */
  readonly headers: string[];
  /** A text stands for its bytes in UTF-8. */
  readonly body: Uint8Array | string;
}

/** A job with numbers in the place of what the child was given before. */
export interface SentJob extends Omit<Job, 'account' | 'work'> {
  readonly account: number;
  readonly work: Exclude<Work, EventWork> | SentEventWork;
}

type SentEventWork = { [Kind in EventWork as Kind['kind']]: Referring<Kind> }[EventWork['kind']];
type Referring<Kind extends EventWork> = Omit<Kind, 'action'> & {
  readonly action: Omit<JobAction, 'mapping'> & { readonly mapping: number };
};

export type ToChild =
  /** Something that jobs share, as JSON; it takes the place of what was given under this number before. */
  | { readonly kind: 'given'; readonly number: number; readonly json: string }
  | { readonly kind: 'job'; readonly job: SentJob }
  | {
      readonly kind: 'answer';
      readonly request: number;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      /** A character for each byte: a text goes between processes at a fraction of what bytes cost. */
      readonly body: string;
    }
  | { readonly kind: 'broken'; readonly request: number; readonly code: string; readonly message: string }
  /** There is a connection; what connects to the path, once, is led to it. */
  | { readonly kind: 'dialled'; readonly dial: number; readonly path: string }
  | { readonly kind: 'undialled'; readonly dial: number; readonly code: string; readonly message: string }
  | { readonly kind: 'ping' };

export type FromChild =
  | {
      readonly kind: 'request';
      readonly job: number;
      readonly request: number;
      readonly wanted: WantedRequest;
    }
  | { readonly kind: 'aborted'; readonly request: number }
  /** A job wants a connection. */
  | {
      readonly kind: 'dial';
      readonly job: number;
      readonly dial: number;
      readonly host: string;
      readonly port: number;
    }
  /** What a definition is run with, as JSON; of several events an array. */
  | { readonly kind: 'mapped'; readonly job: number; readonly payload: string }
  | { readonly kind: 'done'; readonly job: number; readonly result: JobResult; readonly clues?: Clues }
  /** Promises of its jobs' code were rejected, and nobody had awaited them; those of one turn, told together. */
  | ({ readonly kind: 'unawaited' } & Unawaited)
  /** The catalog's code can be run from now on. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'pong' };

/** Rejections that nobody awaited. */
export interface Unawaited {
  /** The folder of the definition whose code made the promises; null: they belong to none. */
  readonly definition: string | null;
  readonly count: number;
  /** The name of what the first was rejected with, as `TypeError`. Its text may say what nobody may be told. */
  readonly error: string;
}

/** How the definition's code ended, before anyone says what that means for the events. */
export type JobResult =
  | { readonly kind: 'ok' }
  | { readonly kind: 'tokens'; readonly accessToken: string; readonly refreshToken?: string }
  /** Its answer to a question. */
  | { readonly kind: 'told'; readonly json: string }
  /** What it says of each event of a batch, in their order. */
  | { readonly kind: 'each'; readonly items: readonly ItemResult[] }
  /** Events of a batch that needed calls of their own, by their place in it. `silent`: nothing was sent for them. */
  | {
      readonly kind: 'groups';
      readonly groups: readonly {
        readonly places: readonly number[];
        readonly result: JobResult;
        readonly silent?: true;
      }[];
    }
  | { readonly kind: 'error'; readonly error: JobError };

export interface ItemResult {
  readonly status: number;
  readonly code?: string;
  readonly message?: string;
}

/** An error as it was thrown, in plain values. Texts are bounded; secrets are hidden by the parent. */
export interface JobError {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly status?: number;
  /** The request that it is about: its answer was an error, or none came. */
  readonly request?: number;
  /** Its address came out of an event, so it says nothing of the destination. */
  readonly hostOfEvent?: true;
}

/** What the child knows of a job that dialled, and its result may hide. */
export interface Clues {
  readonly fault: SocketFault | undefined;
  readonly client: ClientError | undefined;
  /** What its clients proved themselves by, beside what they were given. */
  readonly secrets: readonly string[];
}

/** Why TLS over a connection failed, or its connection did. */
export interface SocketFault {
  readonly code: string;
  readonly message: string;
}

/** How a call of an AWS client failed. */
export interface ClientError {
  /** The name of the command's class, as `AssumeRoleCommand`. */
  readonly command: string;
  /** As AWS calls it, as `ThrottlingException`. */
  readonly name: string;
  readonly throttled: boolean;
  /** Absent: AWS did not answer. */
  readonly status?: number;
}
