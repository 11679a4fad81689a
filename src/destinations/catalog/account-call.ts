import type { EgressAllow } from '../egress-address.ts';
import { secretMask, type SecretMask } from '../secret-mask.ts';
import { AccountHttp } from './account-http.ts';
import { AccountTokens, type Renewal } from './account-tokens.ts';
import { CatalogChild } from './child-process.ts';
import type { DialRule } from './job-dials.ts';
import { JobRun, type JobEnd } from './job-run.ts';
import type { Account, Work } from './protocol.ts';

/** What an account is called with beside its settings. */
export interface CallContext {
  readonly egress: EgressAllow;
  /** Values that nothing that is told may show. */
  readonly secrets: readonly string[];
  readonly renewal?: Renewal;
  /** Absent: the definition does not dial by itself. */
  readonly dials?: DialRule;
  /** A call that takes longer is ended; absent: that of any job. */
  readonly deadlineMs?: number;
  /** Bytes that the definition gets of an answer; absent: as of any job. */
  readonly answerBytes?: number;
}

/** How a call ended, and what hides its secrets. */
export interface Called {
  readonly end: JobEnd;
  readonly run: JobRun;
  readonly mask: SecretMask;
  /** Why there is no other access token in place of one that was refused. */
  readonly noToken?: string;
}

const always = { mayWrite: () => true };

type Perform = (account: Account, work: Work) => Promise<{ readonly end: JobEnd; readonly run: JobRun }>;

/**
 * Runs a definition's code once for somebody who waits, in a child of its own: neither deliveries nor others wait for
 * code that does not end. Tokens that are refused are renewed, and the call is made again. Never rejects.
 */
export async function callAccount(account: Account, work: Work, context: CallContext): Promise<Called> {
  return await inOwnChild(context, async (perform) => {
    const tokens = tokensFor(account, context, perform);
    const called = await perform(account, work);
    const { last } = called.run;
    const isRefused = last?.answer.kind === 'answered' && last.answer.head.status === 401;
    const stale = account.auth?.accessToken;
    const tried = isRefused && tokens !== null && stale !== undefined;
    const noToken = tried ? await tokens.renew(stale) : null;
    const again = tried && noToken === null ? await perform(tokens.account, work) : called;
    const mask = tokens?.mask ?? secretMask(context.secrets);
    return { ...again, mask, ...(noToken !== null && { noToken }) };
  });
}

/**
 * Has the definition's code fetch another access token, which is kept as when the one of before was refused. Never rejects.
 * @returns null when there is another one now, else why not; undefined: it has nothing to fetch one with
 */
export async function renewAccount(
  account: Account,
  context: CallContext,
): Promise<string | null | undefined> {
  const { accessToken, refreshToken } = account.auth ?? {};
  if (accessToken === undefined || refreshToken === undefined) return undefined;
  return await inOwnChild(context, async (perform) =>
    tokensFor(account, context, perform)?.renew(accessToken),
  );
}

function tokensFor(
  account: Account,
  { renewal, secrets }: CallContext,
  perform: Perform,
): AccountTokens | null {
  return renewal === undefined ? null : new AccountTokens({ account, secrets, perform, ...renewal });
}

async function inOwnChild<T>(context: CallContext, use: (perform: Perform) => Promise<T>): Promise<T> {
  const { egress, dials, deadlineMs, answerBytes } = context;
  const http = new AccountHttp({ egress, connections: 1, ...(answerBytes !== undefined && { answerBytes }) });
  const child = new CatalogChild();
  let isLate = false;
  const late = () => {
    isLate = true;
    child.close();
  };
  const deadline = deadlineMs === undefined ? undefined : setTimeout(late, deadlineMs);
  try {
    return await use(async (account, work) => {
      const run = new JobRun({ account, work, http, gate: always, ...(dials && { dials }) });
      const end = await child.perform(run);
      return { run, end: isLate ? ({ kind: 'overdue' } as const) : end };
    });
  } finally {
    clearTimeout(deadline);
    child.close();
    await http.close();
  }
}
