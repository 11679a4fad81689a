import type { Question, Told } from '../question.ts';
import { callAccount, type CallContext } from './account-call.ts';
import type { JobRun } from './job-run.ts';
import { outcomesOfJob } from './job-outcome.ts';
import { plainBody, questionAnswerBytes } from './plain-body.ts';
import type { Account } from './protocol.ts';

/** Somebody waits for the answer; a service that takes longer is not waited for. */
const answerMs = 20_000;
/** Each question has a child, and a child has its memory: so many run at once, and so many wait for their turn. */
const mostAtOnce = 2;
const mostWaiting = 2;

let running = 0;
const waiting: (() => void)[] = [];

/** Has a definition's own code answer a question about one account. Never rejects, whatever that code does. */
export async function askAccount(
  account: Account,
  question: Question,
  context: Omit<CallContext, 'deadlineMs'>,
): Promise<Told> {
  if (running >= mostAtOnce) {
    if (waiting.length >= mostWaiting)
      return failed('Other questions to destinations are under way. Ask again.');
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  try {
    return await ask(account, question, context);
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

async function ask(
  account: Account,
  question: Question,
  context: Omit<CallContext, 'deadlineMs'>,
): Promise<Told> {
  const work = { kind: 'question', question } as const;
  const bounds = { deadlineMs: answerMs, answerBytes: questionAnswerBytes };
  const { end, run, mask } = await callAccount(account, work, { ...context, ...bounds });
  // What the definition makes of a part is a fault of its JSON, or no choices at all.
  if (isCut(run)) {
    const most = questionAnswerBytes / 1_048_576;
    return failed(`The service answered with more than ${most} MB, which is as much as is read.`);
  }
  if (end.kind !== 'result' || end.result.kind !== 'told') {
    const [outcome] = outcomesOfJob(end, run, { mask, now: Date.now(), showsSuccess: false });
    const failure = outcome !== undefined && 'failure' in outcome ? outcome.failure : undefined;
    return failed(failure?.message ?? 'The definition does not say why.');
  }
  const value = JSON.parse(end.result.json) as { readonly error?: unknown } | null;
  const error = value?.error as { readonly message?: unknown; readonly code?: unknown } | null | undefined;
  if (error === undefined || error === null) return { ok: true, value };
  const text = [error.message, error.code].find((one) => typeof one === 'string' && one !== '');
  return failed(
    mask.text(typeof text === 'string' ? text : 'The definition gives no reason.', true).slice(0, 500),
  );
}

/** More came than is read, as it is or when it is unpacked. */
function isCut({ exchanges }: JobRun): boolean {
  const answers = [...exchanges.values()].map(({ answer }) => answer);
  return answers.some((one) => {
    if (one.kind !== 'answered') return false;
    if (one.body.length >= questionAnswerBytes) return true;
    return plainBody(one.body, one.head.headers['content-encoding'], questionAnswerBytes) === null;
  });
}

const failed = (message: string): Told => ({ ok: false, message });
