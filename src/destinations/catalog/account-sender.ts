import type { ItemRule } from '../item-rules.ts';
import type { Failure, Outcome } from '../../core/outcome.ts';
import type { TimeRule } from '../../core/time-rule.ts';
import type { Audience } from '../../core/audience.ts';
import { completedBody } from '../completed-body.ts';
import type { Delivery, SendGate } from '../definition.ts';
import type { EgressAllow } from '../egress-address.ts';
import { secretMask, type SecretMask } from '../secret-mask.ts';
import { AccountHttp } from './account-http.ts';
import { AccountTokens, noNewToken, type Renewal } from './account-tokens.ts';
import { Children } from './children.ts';
import type { DialRule } from './job-dials.ts';
import { outcomesOfJob } from './job-outcome.ts';
import { JobRun } from './job-run.ts';
import type { Account, JobAction, Work } from './protocol.ts';
import { overlaid, overlaysFor, type Overlay } from './replay-rules.ts';

/** An action as it is sent through. */
export interface SendingAction extends JobAction {
  readonly actionId: string;
  /** At most this many events go into one call; 1: it takes them one by one. */
  readonly batchSize: number;
  /** And at most so many bytes; null: no limit of its own. */
  readonly batchBytes: number | null;
  /** Fields whose values have to be alike within one call. */
  readonly batchKeys: readonly string[];
  /** A success says that its events were taken. */
  readonly confirms: boolean;
  /** Why it can send nothing; absent: it can. */
  readonly unable?: string;
  /** What is set otherwise because it is a replay; sorted by the age that they need. */
  readonly overlays: readonly Overlay[];
}

/** What an account's deliveries are made with. */
export interface SendingAccount {
  /** Names it among the accounts of this process. */
  readonly id: string;
  readonly account: Account;
  readonly actions: readonly SendingAction[];
  readonly takes: TimeRule | null;
  /** How they tell items of a request apart; null: they do not. */
  readonly itemErrors: readonly ItemRule[] | null;
  readonly egress: EgressAllow;
  /** Absent: the definition does not dial by itself. */
  readonly dials?: DialRule;
  /** Values that no failure's text may show. */
  readonly secrets: readonly string[];
  /** How refused tokens are renewed; absent: they are not. */
  readonly renewal?: Renewal;
}

/** Calls of one account that may be under way at once. */
const accountConcurrency = 8;
/** Of so many successes the answer is shown, as samples. */
const shownSuccesses = 5;

/** One set of children for all accounts of this process. */
const children = new Children();

/** Sends deliveries through a definition's own code. */
export class AccountSender {
  readonly batchSize: number;
  readonly concurrency = accountConcurrency;
  readonly takes: TimeRule | null;
  readonly #options: SendingAccount;
  readonly #actions: ReadonlyMap<string, SendingAction>;
  readonly #http: AccountHttp;
  readonly #tokens: AccountTokens | null;
  readonly #ownMask: SecretMask;
  #successesLeft = shownSuccesses;

  constructor(options: SendingAccount) {
    this.#options = options;
    this.takes = options.takes;
    this.#actions = new Map(options.actions.map((action) => [action.actionId, action]));
    this.batchSize = Math.max(1, ...options.actions.map((action) => action.batchSize));
    this.#http = new AccountHttp({ egress: options.egress, connections: accountConcurrency });
    this.#ownMask = secretMask(options.secrets);
    const perform = (account: Account, work: Work) => this.#perform(account, work, always);
    this.#tokens =
      options.renewal === undefined ? null : new AccountTokens({ ...options, ...options.renewal, perform });
  }

  /**
   * One call takes events of one action. Those of others leave with the next one, so that a user's events stay in their
   * order. Never rejects.
   */
  async send(deliveries: readonly Delivery[], gate: SendGate): Promise<Outcome[]> {
    const action = this.#actions.get(deliveries[0]!.actionId)!;
    if (action.unable !== undefined) return deliveries.map((one) => unableOutcome(one, action));
    const { taken, overlays } = leadingOf(deliveries, action, Date.now());
    const outcomes = await this.#renewing(() =>
      this.#outcomes(workOf(action, taken, overlays), overlays, gate),
    );
    return deliveries.map((_, index): Outcome => {
      const outcome = outcomes[index] ?? { kind: 'notSent' };
      return action.confirms ? outcome : unconfirmed(outcome);
    });
  }

  confirms(actionId: string): boolean {
    return this.#actions.get(actionId)?.confirms !== false;
  }

  async #outcomes(work: Work, overlays: readonly Overlay[], gate: SendGate): Promise<Outcome[]> {
    const account = overlaidAccount(this.#account, overlays);
    const { end, run } = await this.#perform(account, work, gate);
    const showsSuccess = this.#successesLeft > 0;
    const { itemErrors } = this.#options;
    const telling = { mask: this.#mask, now: Date.now(), showsSuccess, itemErrors, hasToSend: true };
    const outcomes = outcomesOfJob(end, run, telling);
    if (outcomes.some((outcome) => outcome.kind === 'delivered')) this.#successesLeft -= 1;
    return outcomes;
  }

  /** Tokens that were renewed are secrets, too. */
  get #mask(): SecretMask {
    return this.#tokens?.mask ?? this.#ownMask;
  }

  get #account(): Account {
    return this.#tokens?.account ?? this.#options.account;
  }

  async #perform(account: Account, work: Work, gate: SendGate) {
    const { id, dials } = this.#options;
    const made = { account, work, http: this.#http, gate, ...(dials && { dials }) };
    return await children.perform(id, () => new JobRun(made));
  }

  /** What is refused as a whole because its token has run out goes once more with another one. */
  async #renewing(send: () => Promise<Outcome[]>): Promise<Outcome[]> {
    const stale = this.#account.auth?.accessToken;
    const outcomes = await send();
    if (this.#tokens === null || stale === undefined || !outcomes.every(isUnauthorised)) return outcomes;
    const problem = await this.#tokens.renew(stale);
    if (problem === null) return await send();
    return outcomes.map((outcome) => ('failure' in outcome ? told(outcome, problem) : outcome));
  }

  async close(): Promise<void> {
    await this.#http.close();
  }
}

function unableOutcome({ actionId }: Delivery, action: SendingAction): Outcome {
  if (actionId !== action.actionId) return { kind: 'notSent' };
  return { kind: 'invalid', failure: { errorClass: 'hook_not_run', message: action.unable! } };
}

/** Fetching tokens sends no event. */
const always: SendGate = { mayWrite: () => true };

const isUnauthorised = (outcome: Outcome) => outcome.kind === 'down' && outcome.failure.status === 401;

const told = (outcome: Extract<Outcome, { failure: Failure }>, problem: string): Outcome => ({
  ...outcome,
  failure: {
    ...outcome.failure,
    message: noNewToken(problem),
  },
});

/** It answers success whatever becomes of the event, or before it knows. */
const unconfirmed = (outcome: Outcome): Outcome =>
  outcome.kind === 'delivered' ? { kind: 'unconfirmable' } : outcome;

function overlaidAccount(account: Account, overlays: readonly Overlay[]): Account {
  if (overlays.length === 0) return account; // as for every stream
  const settings = overlaid(account.settings, overlays, 'setting');
  const features = overlaid(account.features ?? {}, overlays, 'feature');
  return { ...account, settings, features };
}

/** The deliveries of one action that stand first, as many as it takes at a time, for which the same overlays count. */
function leadingOf(
  deliveries: readonly Delivery[],
  action: SendingAction,
  now: number,
): { readonly taken: readonly Delivery[]; readonly overlays: readonly Overlay[] } {
  const { overlays } = action;
  const counting = ({ event }: Delivery) =>
    overlays.length === 0 ? 0 : overlaysFor(overlays, now - event.timestamp.getTime());
  const first = counting(deliveries[0]!);
  let bytes = 0;
  const end = deliveries.findIndex((delivery, index) => {
    const { actionId, event } = delivery;
    bytes += event.raw.length;
    const tooLong = index > 0 && bytes > (action.batchBytes ?? Infinity);
    const isOther = actionId !== action.actionId || counting(delivery) !== first;
    return isOther || index >= action.batchSize || tooLong;
  });
  const taken = end === -1 ? deliveries : deliveries.slice(0, end);
  return { taken, overlays: overlays.slice(0, first) };
}

/** What a child is asked for with one delivery that is sent alone, with the overlays that count for it. */
export function callOf(
  account: Account,
  action: SendingAction,
  delivery: Delivery,
): { readonly account: Account; readonly work: Work } {
  const { taken, overlays } = leadingOf([delivery], action, Date.now());
  return { account: overlaidAccount(account, overlays), work: workOf(action, taken, overlays) };
}

function workOf(
  { type, mapping, batchSize, batchKeys, eventBytes, audiences }: SendingAction,
  deliveries: readonly Delivery[],
  overlays: readonly Overlay[],
): Work {
  const events = deliveries.map((delivery) => completedBody(delivery).toString());
  const action = {
    type,
    mapping: overlaid(mapping, overlays, 'mapping'),
    ...(eventBytes !== undefined && { eventBytes }),
    ...(audiences !== undefined && { audiences: named(audiences, events) }),
  };
  return batchSize === 1
    ? { kind: 'one', action, event: events[0]! }
    : { kind: 'batch', action, events, keys: batchKeys };
}

/** Those audiences that some event may name; their keys have no characters that JSON writes otherwise. */
function named(audiences: readonly Audience[], events: readonly string[]): readonly Audience[] {
  const isIn = (text: string | null) => text !== null && events.some((event) => event.includes(text));
  return audiences.filter(({ key, computationId }) => isIn(key) || isIn(computationId));
}
