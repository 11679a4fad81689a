import { outcomesOf, type Failure, type Outcome } from '../../core/outcome.ts';
import { shownText, withoutQuery } from '../http-exchange.ts';
import { outcomeOf } from '../http-outcome.ts';
import type { Tokens } from '../definition.ts';
import type { SecretMask } from '../secret-mask.ts';
import type { Exchange } from './account-http.ts';
import { dialOutcome } from './dial-outcome.ts';
import type { JobEnd, JobRun } from './job-run.ts';
import type { ItemRule } from '../item-rules.ts';
import type { ToldItems } from './item-reading.ts';
import type { Clues, ItemResult, JobError, JobResult } from './protocol.ts';
import { toldItems } from './told-items.ts';

/** What is said of a job's outcome with. */
export interface Telling {
  readonly mask: SecretMask;
  /** This process's clock, ms since 1970. */
  readonly now: number;
  /** Whether a success tells what was answered. */
  readonly showsSuccess: boolean;
  /** A success without any request is none: an event was to leave. */
  readonly hasToSend?: boolean;
  /** How answers tell items of a request apart; null, or absent: they do not. */
  readonly itemErrors?: readonly ItemRule[] | null;
}

interface Run extends Pick<JobRun, 'wrote' | 'gateClosed' | 'last' | 'givenUp' | 'exchanges' | 'dialled'> {
  readonly deliveries: number;
  readonly clues?: Clues;
}

const messageLength = 500;
const notSent: Outcome = { kind: 'notSent' };

/**
 * What the end of a job means for its deliveries, in their order. Where the definition names a request, that request's
 * answer decides as it does for every other destination; else the status that its error carries. Nothing is taken for
 * delivered but what the definition says went well.
 */
export function outcomesOfJob(end: JobEnd, run: Run, telling: Telling): Outcome[] {
  if (end.kind === 'exited') return outcomesOf(exitOutcome(end, run, telling), run.deliveries);
  if (end.kind === 'overdue') return outcomesOf(overdueOutcome(run, telling), run.deliveries);
  if (end.clues === undefined) return outcomesOfResult(end.result, run, telling);
  const { wrote, gateClosed, last, givenUp, exchanges, dialled, deliveries } = run;
  const known = { wrote, gateClosed, last, givenUp, exchanges, dialled, deliveries, clues: end.clues };
  return outcomesOfResult(end.result, known, { ...telling, mask: telling.mask.with(end.clues.secrets) });
}

/** What the end of a job that fetches tokens brought: them, or why there are none. */
export function tokensOf(end: JobEnd, run: JobRun, telling: Telling): Tokens | string {
  if (end.kind === 'result' && end.result.kind === 'tokens') {
    const { accessToken, refreshToken } = end.result;
    return { accessToken, ...(refreshToken !== undefined && { refreshToken }) };
  }
  const [outcome] = outcomesOfJob(end, run, telling);
  return outcome !== undefined && 'failure' in outcome && outcome.failure !== undefined
    ? outcome.failure.message
    : 'The definition fetched none.';
}

/** What kept a request from being answered as it was meant: no connection, a server in trouble or too many requests; null: nothing did. */
export function serviceTrouble({ last }: Pick<JobRun, 'last'>, telling: Telling): Failure | null {
  if (last === null) return null;
  const { answer } = last;
  if (answer.kind === 'answered' && answer.head.status !== 429 && answer.head.status < 500) return null;
  const outcome = exchangeOutcome(last, telling);
  return 'failure' in outcome && outcome.failure !== undefined ? outcome.failure : null;
}

function outcomesOfResult(result: JobResult, run: Run, telling: Telling): Outcome[] {
  if (result.kind === 'groups') {
    const asking = result.groups.filter(({ silent }) => silent !== true);
    const outcomes = result.groups.flatMap((group) => {
      const { places, result: one } = group;
      const some = outcomesOfResult(
        one,
        part(run, asking.length, asking.indexOf(group), places.length),
        telling,
      );
      return places.map((place, index): [number, Outcome] => [place, some[index]!]);
    });
    return outcomes.toSorted(([a], [b]) => a - b).map(([, outcome]) => outcome);
  }
  if (result.kind === 'error') {
    const told = toldIn(run.deliveries, run, telling, true); // a definition may throw for all because of one
    if (told !== null) return told.refused.map((why) => toldOutcome(why, told, run, telling));
    return outcomesOf(errorOutcome(result.error, run, telling), run.deliveries);
  }
  if (result.kind === 'each') return itemOutcomes(result.items, run, telling);
  const told = toldIn(1, run, telling);
  return [told === null ? successOutcome(run, telling) : toldOutcome(told.refused[0]!, told, run, telling)];
}

/** The part of a run that one of its groups is. Each has a request of its own where there are as many as groups. */
function part(run: Run, groups: number, index: number, deliveries: number): Run {
  const { wrote, gateClosed, last, givenUp, exchanges, dialled, clues } = run;
  const shared = { wrote, gateClosed, givenUp, dialled, deliveries, ...(clues && { clues }) };
  const own = exchanges.size === groups ? [...exchanges][index] : undefined; // of one that sent nothing there is none
  if (own === undefined) return { ...shared, last, exchanges };
  return { ...shared, last: own[1], exchanges: new Map([own]) };
}

/** The framework gives each item of a request its one status; what the answer says of them goes before that. */
function itemOutcomes(items: readonly ItemResult[], run: Run, telling: Telling): Outcome[] {
  const sent = items.filter(isTaken).length;
  const told = toldIn(sent, run, telling);
  const whys = told?.refused.values();
  return items.map((item) =>
    told === null || !isTaken(item)
      ? itemOutcome(item, run, telling)
      : toldOutcome(whys?.next().value ?? null, told, run, telling),
  );
}

const isTaken = ({ status }: ItemResult) => status >= 200 && status < 300;

/** What the answers say of each item; null: nothing. */
function toldIn(items: number, run: Run, { itemErrors }: Telling, isError = false): ToldItems | null {
  if (run.gateClosed || itemErrors === undefined || itemErrors === null) return null;
  return toldItems(itemErrors, items, run, isError);
}

function toldOutcome(why: string | null, told: ToldItems, run: Run, telling: Telling): Outcome {
  if (why !== null) {
    const error: JobError = { name: 'ItemRefused', code: 'item_refused', message: why };
    const failure = failureOf(error, run, telling);
    if (told.as === 'throttled') return { kind: 'throttled', failure, retryAfterMs: null };
    return { kind: told.as ?? 'refused', failure };
  }
  if (told.unclear === null) return successOutcome(run, telling);
  const error: JobError = { name: 'ItemUnclear', code: 'item_unclear', message: told.unclear };
  const isOfSeveral = told.refused.length > 1;
  return { kind: 'failed', failure: failureOf(error, run, telling), ...(isOfSeveral && { together: true }) };
}

function successOutcome(run: Run, telling: Telling): Outcome {
  const { last, exchanges, dialled } = run;
  if (telling.hasToSend === true && exchanges.size === 0 && !dialled.some(({ wrote }) => wrote)) {
    const message = 'The definition says that it went well, and sent nothing.';
    return {
      kind: 'invalid',
      failure: failureOf({ name: 'NothingSent', code: 'nothing_sent', message }, run, telling),
    };
  }
  if (last?.answer.kind !== 'answered' || !telling.showsSuccess) return { kind: 'delivered' };
  const outcome = exchangeOutcome(last, telling);
  return outcome.kind === 'delivered' ? outcome : { kind: 'delivered' };
}

function itemOutcome(item: ItemResult, run: Run, telling: Telling): Outcome {
  if (isTaken(item)) return successOutcome(run, telling);
  const { status, code, message = 'The definition gives no reason.' } = item;
  if (code === 'EVENT_TOO_LARGE') {
    return { kind: 'invalid', failure: failureOf({ name: code, message }, { ...run, last: null }, telling) };
  }
  const error: JobError = { name: 'MultiStatus', status, message, ...(code !== undefined && { code }) };
  if (run.dialled.length > 0 && run.gateClosed) return closedOutcome(error, run, telling);
  const isOwnCheck = code === 'PAYLOAD_VALIDATION_FAILED';
  return isOwnCheck
    ? { kind: 'invalid', failure: failureOf(error, run, telling) }
    : (dialledOutcome(error, run, telling) ?? statusOutcome(error, run, telling));
}

/** The definition threw. Whoever sends events can name an address in one: what it says is said of that event alone. */
function errorOutcome(error: JobError, run: Run, telling: Telling): Outcome {
  const outcome = thrownOutcome(error, run, telling);
  return error.hostOfEvent === true ? ofEventAlone(outcome) : outcome;
}

function ofEventAlone(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case 'gone':
      return { kind: 'refused', failure: outcome.failure };
    case 'down': {
      const { failure } = outcome;
      const isForGood = failure.status !== undefined || failure.errorClass === 'egress_refused';
      return { kind: isForGood ? 'refused' : 'failed', failure };
    }
    case 'throttled':
      return { kind: 'failed', failure: outcome.failure };
    default:
      return outcome;
  }
}

function thrownOutcome(error: JobError, run: Run, telling: Telling): Outcome {
  if (run.gateClosed) return closedOutcome(error, run, telling);
  const exchange = error.request === undefined ? undefined : run.exchanges.get(error.request);
  if (exchange !== undefined) {
    const outcome = exchangeOutcome(exchange, telling);
    return outcome.kind === 'delivered' ? unknownOutcome(error, run, telling) : outcome;
  }
  if (isCheck(error)) return { kind: 'invalid', failure: failureOf(error, run, telling) };
  const known = dialledOutcome(error, run, telling);
  if (known !== null) return known;
  if (error.status !== undefined) return statusOutcome(error, run, telling);
  // Its client tells no status when it has waited for too long: that is the destination's fault, not the event's.
  if (run.givenUp !== null) return exchangeOutcome(run.givenUp, telling);
  // A fault of the definition's code: before anything left it is the event's, after that nobody knows.
  if (run.wrote) return unknownOutcome(error, run, telling);
  return { kind: 'invalid', failure: { ...failureOf(error, run, telling), errorClass: 'definition_error' } };
}

/** What its own connections tell; null: it has none, or they tell nothing. */
function dialledOutcome(error: JobError, run: Run, telling: Telling): Outcome | null {
  const { dialled, clues } = run;
  return dialOutcome({ error, dialled, clues }, (one) => failureOf(one, run, telling));
}

/** The lane may not send any more: of what had not begun to leave, nothing is at fault. */
function closedOutcome(error: JobError, run: Run, telling: Telling): Outcome {
  return run.wrote ? unknownOutcome(error, run, telling) : notSent;
}

function exchangeOutcome({ url, request, answer }: Exchange, { mask, now, showsSuccess }: Telling): Outcome {
  return outcomeOf(answer, { url: withoutQuery(url), request, mask, now, showsSuccess });
}

/** Something has left, and whether it was taken is not known: sending again is the only safe answer. */
function unknownOutcome(error: JobError, run: Run, telling: Telling): Outcome {
  return { kind: 'failed', failure: { ...failureOf(error, run, telling), errorClass: 'definition_error' } };
}

/** The framework's and the definitions' own checks of a payload, before anything is sent. */
function isCheck({ name, code }: JobError): boolean {
  return (
    name === 'AggregateAjvError' ||
    name === 'ValidationError' ||
    code === 'PAYLOAD_VALIDATION_FAILED' ||
    code === 'INVALID_AUDIENCE_MEMBERSHIP'
  );
}

function statusOutcome(error: JobError, run: Run, telling: Telling): Outcome {
  const failure = failureOf(error, run, telling);
  const status = error.status!;
  if (status === 401) return { kind: 'down', failure };
  if (status === 429) return { kind: 'throttled', failure, retryAfterMs: null };
  if (status === 408 && !run.wrote) {
    return { kind: 'down', failure: { ...failure, errorClass: 'connect_timeout' } };
  }
  const transient = status >= 500 || status === 408 || status === 425;
  return { kind: transient ? 'failed' : 'refused', failure };
}

function failureOf(error: JobError, { last }: Run, telling: Telling): Failure {
  const { status, code, name, message } = error;
  const text = shownText(telling.mask.text(message, true), messageLength);
  const seen = last === null ? null : exchangeOutcome(last, { ...telling, showsSuccess: false });
  const shown = seen !== null && 'failure' in seen ? seen.failure : null;
  return {
    ...(shown?.at !== undefined && { at: shown.at }),
    ...(shown?.tookMs !== undefined && { tookMs: shown.tookMs }),
    ...(shown?.request !== undefined && { request: shown.request }),
    ...(shown?.response !== undefined && { response: shown.response }),
    errorClass: status === undefined ? classOf(code ?? name) : `http_${status}`,
    message: text,
    ...(status !== undefined && { status }),
  };
}

/** `PAYLOAD_VALIDATION_FAILED` -> `payload_validation_failed` */
function classOf(name: string): string {
  return shownText(name, 60)
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}

function exitOutcome(end: Extract<JobEnd, { kind: 'exited' }>, run: Run, telling: Telling): Outcome {
  const message = `The process that ran the definition's code ended: ${end.why}.`;
  const failure: Failure = { errorClass: 'definition_crashed', message: telling.mask.text(message, false) };
  if (!end.started) return { kind: 'failed', failure: { ...failure, errorClass: 'definition_not_started' } };
  if (end.alone) return { kind: 'refused', failure };
  return run.wrote ? { kind: 'failed', failure } : notSent;
}

function overdueOutcome(run: Run, telling: Telling): Outcome {
  const message = 'The definition did not come to an end in time.';
  const failure = failureOf({ name: 'Overdue', code: 'timeout', message }, run, telling);
  return { kind: 'failed', failure };
}
