import { errors, type Dispatcher } from 'undici';
import type { SendGate } from './definition.ts';

/** How one request ended, before anyone says what that means for the event. */
export type Answer =
  /** The destination answered, and the answer is whole or longer than anyone needs. */
  | { readonly kind: 'answered'; readonly head: AnswerHead; readonly body: Buffer; readonly tookMs: number }
  /** No whole answer came. `written`: the request had left, so what became of it is unknown. */
  | {
      readonly kind: 'broken';
      readonly error: Error;
      readonly written: boolean;
      readonly head: AnswerHead | null;
      readonly tookMs: number;
    }
  /** The gate was closed, or the request was still queued when the sender closed. */
  | { readonly kind: 'notSent' };

export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The deadline of a whole exchange passed. */
class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'DEADLINE';
}

/** How much of an answer's body is taken, in bytes. */
export interface BodyLimits {
  /** Kept, for whoever reads it. */
  readonly kept: number;
  /** Read, so that the connection can be used again; a longer body costs the connection. */
  readonly read: number;
}

/** For who only shows it. */
const shownBody: BodyLimits = { kept: 4_096, read: 65_536 };

const gateClosed = new Error('the gate is closed');
const tooLong = new Error('the answer is longer than it is read');
const noBytes = Buffer.alloc(0);

/**
 * One request on its way through undici, whose callbacks it takes. It settles exactly once and never throws, but to
 * tell undici that nothing is to be written.
 *
 * waiting -> (gate open, undici begins to write) written -> (head) answering -> settled; any of them may fail, and the
 * deadline ends each.
 */
export class HttpAttempt implements Dispatcher.DispatchHandler {
  readonly #gate: SendGate;
  readonly #settle: (answer: Answer) => void;
  readonly #deadline: NodeJS.Timeout;
  readonly #limits: BodyLimits;
  readonly #startedAt = performance.now();
  #controller: Dispatcher.DispatchController | null = null;
  #head: AnswerHead | null = null;
  #settled = false;
  #received = 0;
  #body: Buffer = noBytes;

  /** @param deadlineMs for the whole exchange, from now to the last byte of the answer */
  constructor(
    gate: SendGate,
    deadlineMs: number,
    settle: (answer: Answer) => void,
    limits: BodyLimits = shownBody,
  ) {
    this.#limits = limits;
    this.#gate = gate;
    this.#settle = settle;
    // After a pause of the whole process an answer may lie unread: it is read before the deadline counts.
    this.#deadline = setTimeout(() => setImmediate(() => this.#expire(deadlineMs)), deadlineMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#settled || !this.#gate.mayWrite()) {
      this.#end({ kind: 'notSent' });
      throw gateClosed; // undici drops the request and keeps the connection
    }
    this.#controller = controller;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: AnswerHead['headers']): void {
    if (status >= 200) this.#head = { status, headers };
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = this.#limits.kept - this.#body.length;
    if (this.#received === 0) this.#body = chunk.subarray(0, room);
    else if (room > 0) this.#body = Buffer.concat([this.#body, chunk.subarray(0, room)]);
    this.#received += chunk.length;
    if (this.#received <= this.#limits.read) return;
    this.#answered();
    controller.abort(tooLong);
  }

  onResponseEnd(): void {
    this.#answered();
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    this.#break(error);
  }

  /** Whoever wanted the answer does not wait for it any more: what has not left stays here, and the connection is freed. */
  giveUp(): void {
    this.#expire(Math.round(this.#took()));
  }

  #expire(deadlineMs: number): void {
    if (this.#settled) return;
    const what = this.#controller === null ? 'no connection was made or came free' : 'no whole answer came';
    const error = new DeadlineError(`Within ${deadlineMs} ms ${what}.`);
    this.#break(error);
    this.#controller?.abort(error);
  }

  #isSuccess(): boolean {
    return this.#head !== null && this.#head.status < 300;
  }

  #answered(): void {
    if (this.#head === null) return;
    this.#end({ kind: 'answered', head: this.#head, body: this.#body, tookMs: this.#took() });
  }

  #break(error: Error): void {
    const written = this.#controller !== null;
    // A failure's status says all: that its body broke off changes nothing. A success must be whole to count.
    if (this.#head !== null && !this.#isSuccess()) this.#answered();
    else if (!written && error instanceof errors.ClientDestroyedError) this.#end({ kind: 'notSent' });
    else this.#end({ kind: 'broken', error, written, head: this.#head, tookMs: this.#took() });
  }

  #took(): number {
    return performance.now() - this.#startedAt;
  }

  #end(answer: Answer): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#deadline);
    this.#settle(answer);
  }
}
