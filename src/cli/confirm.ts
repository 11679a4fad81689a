import { createInterface } from 'node:readline/promises';
import { exits, Failure } from './failure.ts';
import type { Terminal } from './session.ts';

/**
 * Asks a question that only yes answers.
 * @throws Failure when the answer is another, or there is no person to ask
 */
export async function confirmed(
  question: string,
  terminal: Terminal,
  mayAsk: boolean,
  over: AbortSignal,
): Promise<void> {
  if (!mayAsk || terminal.stdin.isTTY !== true || terminal.stderr.isTTY !== true) {
    throw new Failure(exits.usage, `${question} Nobody can be asked here.`, ['Say it with --yes.']);
  }
  const asking = createInterface({ input: terminal.stdin, output: terminal.stderr });
  const gone = new AbortController();
  asking.once('SIGINT', () => gone.abort(new Failure(exits.interrupted, '')));
  asking.once('close', () => gone.abort(new Failure(exits.error, 'Nothing was changed.')));
  try {
    const signal = AbortSignal.any([over, gone.signal]);
    const answer = await asking.question(`${question} [y/N] `, { signal }).catch(() => {
      throw signal.reason as Error;
    });
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failure(exits.error, 'Nothing was changed.');
  } finally {
    asking.close();
  }
}
