import type { Failure, Outcome } from '../../core/outcome.ts';
import { brokenClass } from '../http-outcome.ts';
import type { Dialled } from './job-dials.ts';
import type { ClientError, Clues, JobError } from './protocol.ts';

/** What is known of a failure over a connection of a definition's own. */
export interface DialFailure {
  readonly error: JobError;
  readonly clues: Clues | undefined;
  /** The job's connections, in their order. */
  readonly dialled: readonly Dialled[];
}

/** Makes the failure that is told, of an error or what stands in its place. */
export type FailureOf = (error: JobError) => Failure;

/**
 * What a failure means of a definition that dials by itself, where that is known better than the definition says: most
 * make a status of 500 of all that happens. null: it is as the definition says.
 */
export function dialOutcome(known: DialFailure, failureOf: FailureOf): Outcome | null {
  const { dialled, clues, error } = known;
  if (dialled.length === 0 && clues?.client === undefined)
    return wrongSettings.test(textOf(error)) ? toldOutcome(error, failureOf) : null;
  const vague = error.status === undefined || error.status === 500;
  return (
    connectionOutcome(dialled.at(-1), clues, failureOf) ??
    (clues?.client === undefined ? null : awsOutcome(clues.client, error, failureOf)) ??
    toldOutcome(error, failureOf) ??
    // Connections also end behind an answer that says of each event what became of it.
    (vague ? endedOutcome(dialled.at(-1), failureOf) : null)
  );
}

/** The last connection could not be made, or no trust was found in who answered: nobody has taken anything. */
function connectionOutcome(
  last: Dialled | undefined,
  clues: Clues | undefined,
  failureOf: FailureOf,
): Outcome | null {
  if (last === undefined) return null;
  const { host, port, connected, error } = last;
  if (!connected && error !== null) {
    const isRefused = codeOf(error) === 'EGRESS_REFUSED';
    const message = isRefused ? error.message : `${host}:${port} could not be reached: ${error.message}`;
    return {
      kind: 'down',
      failure: failureOf({ name: error.name, code: brokenClass(error, false).errorClass, message }),
    };
  }
  const { fault } = clues ?? {};
  if (fault === undefined) return null;
  const { errorClass, isTls } = brokenClass(Object.assign(new Error(fault.message), fault), true);
  const message = `${host}:${port} could not be reached: ${fault.message}`;
  if (!isTls && !beforeTls.test(fault.message)) return null;
  return { kind: 'down', failure: failureOf({ name: 'Error', code: errorClass, message }) };
}

/** Node's words for a connection that ended in the handshake. */
const beforeTls = /disconnected before secure TLS connection was established/;

/** Ended from here: it was silent, or said too much. */
function endedOutcome(last: Dialled | undefined, failureOf: FailureOf): Outcome | null {
  if (last === undefined || last.error === null) return null;
  const { host, port, error, wrote } = last;
  const message = `The connection to ${host}:${port} broke off: ${error.message}`;
  const { errorClass } = brokenClass(error, wrote);
  return {
    kind: wrote ? 'failed' : 'down',
    failure: failureOf({ name: error.name, code: errorClass, message }),
  };
}

/** Names of AWS for credentials that are missing, wrong or too old. Its errors of STS are about credentials, all of them. */
const awsCredentials =
  /^(CredentialsProviderError|InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature\w*|MissingAuthenticationToken\w*|(Expired|Invalid)Token(Exception|Id)?|RequestExpired|AuthFailure)$/;
const awsThrottles = /Throttl|SlowDown|TooManyRequests|ThroughputExceeded|LimitExceeded/;

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and the common errors of each service */
function awsOutcome(client: ClientError, error: JobError, failureOf: FailureOf): Outcome | null {
  const { name, status, command, throttled } = client;
  const message = `${name}: ${error.message}`; // which may have been cut within a secret: nothing may follow it
  const told = (as: number): Failure => failureOf({ ...error, message, status: as });
  if (throttled || status === 429 || awsThrottles.test(name))
    return { kind: 'throttled', failure: told(429), retryAfterMs: null };
  const isRefused = status !== undefined && status >= 400 && status < 500;
  if (awsCredentials.test(name) || (command.startsWith('AssumeRole') && isRefused))
    return { kind: 'down', failure: told(401) };
  if (status === undefined) return null;
  return { kind: isRefused ? 'refused' : 'failed', failure: told(status) };
}

/** A client that cannot read its own key, or lacks a part of what it needs, does not dial. */
const wrongSettings =
  /Cannot parse privateKey|no passphrase given|bad passphrase|Failed to connect: error:[0-9A-F]{8}:|broker at index|PARAMS_MISSING|BROKER_FORMAT_INVALID/i;

/** What clients say of a connection that was there, by name or text. */
const sayings: readonly (readonly [saying: RegExp, status: number])[] = [
  [/KafkaJSSASLAuthenticationError|All configured authentication methods failed/, 401],
  [wrongSettings, 401],
  [/authorization failed|not authorized|permission denied/i, 403],
  [/larger than the max message size|larger than the configured segment size|too large/i, 413],
  [/No such file|does not exist|does not host this topic-partition/i, 404],
  [/on an invalid topic|failed the validation on broker/i, 400],
];

const textOf = ({ name, code, message }: JobError) => `${name} ${code ?? ''} ${message}`;

function toldOutcome(error: JobError, failureOf: FailureOf): Outcome | null {
  const [, status] = sayings.find(([saying]) => saying.test(textOf(error))) ?? [];
  if (status === undefined) return null;
  return { kind: status === 401 ? 'down' : 'refused', failure: failureOf({ ...error, status }) };
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined;
}
