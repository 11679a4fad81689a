import { openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { appendLine, readLedger, type SourceLine } from './ledger.ts';

/** Several clients that send events side by side, each the events of users of its own, and keep a ledger. */
export interface Writers {
  /** Everything that was answered with 200, each writer's in the order of its answers. */
  acknowledged(): SourceLine[];
  /** Lets each finish what it is sending, and waits until it is acknowledged. */
  stop(): Promise<void>;
}

export interface WritersOptions {
  readonly apiUrl: string;
  readonly writeKey: string;
  readonly ledgerFile: string;
  /** Begins every messageId and userId: of these writers only. */
  readonly name: string;
  readonly writers: number;
  /** Users of each writer, among whom its events go round. */
  readonly users: number;
  /** Events per request. */
  readonly batch: number;
  /** Pause of a writer between its requests; milliseconds. */
  readonly pauseMs: number;
  /** They stop by themselves after so many events in all. */
  readonly total?: number;
  /** Hears of each answer. */
  readonly onAnswer?: (status: number, headers: Headers) => void;
}

const requestDeadlineMs = 3_000;
const retryPauseMs = 100;

/**
 * Starts writers. What is not acknowledged is sent again until it is, like a client does that must lose nothing; the
 * ledger has it once.
 */
export function startWriters(options: WritersOptions): Writers {
  const ledger = openSync(options.ledgerFile, 'a');
  const stopping = new AbortController();
  const each = options.total === undefined ? Infinity : options.total / options.writers;
  const work = async (writer: number) => {
    for (let sent = 0; sent < each && !stopping.signal.aborted; sent += options.batch) {
      const size = Math.min(options.batch, each - sent);
      const lines = Array.from({ length: size }, (_, index) => newEvent(options, writer, sent + index));
      const body = `{"batch":[${lines.map(({ text }) => text).join(',')}]}`;
      while (!(await post(options, body))) await delay(retryPauseMs);
      for (const line of lines) appendLine(ledger, line);
      if (options.pauseMs > 0) await delay(options.pauseMs);
    }
  };
  const working = Promise.all(Array.from({ length: options.writers }, (_, writer) => work(writer)));
  return {
    acknowledged: () => readLedger<SourceLine>(options.ledgerFile),
    stop: async () => {
      if (options.total === undefined) stopping.abort();
      await working;
    },
  };
}

async function post({ apiUrl, writeKey, onAnswer }: WritersOptions, body: string): Promise<boolean> {
  const authorization = `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`;
  try {
    const answer = await fetch(`${apiUrl}/v1/batch`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(requestDeadlineMs),
    });
    const { status, headers } = answer;
    await answer.arrayBuffer();
    onAnswer?.(status, headers);
    if (status >= 400 && status < 500) throw new Refused(`the tracking API refused a batch with ${status}`);
    return status === 200;
  } catch (error) {
    if (error instanceof Refused) throw error;
    return false; // away, slow, or gone in the midst: nobody knows whether it was archived
  }
}

/** A client drops what is answered with 4xx: that would lose it. */
class Refused extends Error {}

/** Text that survives only if nobody parses and writes it again. */
const delicate =
  String.raw`{"big":9007199254740993,"exact":1.10,"nul":"\u0000","line":"` +
  '\u2028' +
  String.raw`","lone":"\ud800","e":1e400}`;

function newEvent({ name, users }: WritersOptions, writer: number, index: number): Required<SourceLine> {
  const messageId = `${name}-${writer}-${index}`;
  const user = `${name}-user-${writer}-${index % users}`;
  const time = new Date().toISOString();
  const text =
    index % 10 === 9
      ? `{"type":"identify","messageId":"${messageId}","userId":"${user}","timestamp":"${time}","traits":{"n":${index}}}`
      : `{"type":"track","event":"Order ${index % 7}","messageId":"${messageId}","userId":"${user}","timestamp":"${time}","properties":{"n":${index},"delicate":${delicate}}}`;
  return { messageId, user, text, event: JSON.parse(text) as Record<string, unknown> };
}
