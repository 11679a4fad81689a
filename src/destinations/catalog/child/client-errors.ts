import type { ClientError } from '../protocol.ts';
import { require } from './seal.ts';

interface AwsClient {
  send: (this: unknown, command: object, ...rest: unknown[]) => Promise<unknown>;
}

interface AwsSession {
  readonly Credentials?: { readonly SessionToken?: unknown; readonly SecretAccessKey?: unknown };
}

interface AwsError {
  readonly name?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown };
  readonly $retryable?: { readonly throttling?: unknown };
}

/**
 * Remembers what AWS answered when a call of its client failed: definitions make one error of all of them, which says
 * neither whether credentials were refused nor whether it was too much. What a session is proved by it keeps, too, as
 * nobody else knows that it has to be hidden.
 */
export class ClientErrors {
  readonly #errors = new Map<number, ClientError>();
  readonly #sessions = new Map<number, readonly string[]>();
  readonly #job: () => number | undefined;
  #watched = false;

  /** @param job the one that the calling code belongs to */
  constructor(job: () => number | undefined) {
    this.#job = job;
  }

  /** From now on; it loads what all clients of AWS are made of. */
  watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    const aws = require.resolve('@aws-sdk/client-sts', {
      paths: [require.resolve('@segment/action-destinations')],
    });
    const { Client } = require(require.resolve('@smithy/core/client', { paths: [aws] })) as {
      readonly Client: { readonly prototype: AwsClient };
    };
    const { send } = Client.prototype;
    const remember = (command: object, error: unknown) => this.#remember(command, error);
    const keep = (answer: unknown) => this.#keep(answer);
    Client.prototype.send = async function watched(command, ...rest) {
      try {
        const answer = await send.call(this, command, ...rest);
        keep(answer);
        return answer;
      } catch (error) {
        remember(command, error);
        throw error;
      }
    };
  }

  /** The last one of a job, once. */
  take(job: number): ClientError | undefined {
    const error = this.#errors.get(job);
    this.#errors.delete(job);
    return error;
  }

  /** Secrets of the sessions that a job has begun, once. */
  takeSecrets(job: number): readonly string[] {
    const secrets = this.#sessions.get(job) ?? [];
    this.#sessions.delete(job);
    return secrets;
  }

  #keep(answer: unknown): void {
    const job = this.#job();
    const { SessionToken: token, SecretAccessKey: key } =
      (answer as AwsSession | undefined)?.Credentials ?? {};
    const secrets = [token, key].filter((one) => typeof one === 'string');
    if (job !== undefined && secrets.length > 0)
      this.#sessions.set(job, [...(this.#sessions.get(job) ?? []), ...secrets]);
  }

  #remember(command: object, thrown: unknown): void {
    const job = this.#job();
    if (job === undefined || typeof thrown !== 'object' || thrown === null) return;
    const { name, $metadata, $retryable } = thrown as AwsError;
    const status = $metadata?.httpStatusCode;
    this.#errors.set(job, {
      command: command.constructor.name,
      name: typeof name === 'string' ? name.slice(0, 100) : 'Error',
      throttled: $retryable?.throttling === true,
      ...(typeof status === 'number' && { status }),
    });
  }
}
