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
}

const always = { mayWrite: () => true };

/**
 * Runs a definition's code once for somebody who waits, in a child of its own: neither deliveries nor others wait for
 * code that does not end. Tokens that are refused are renewed, and the call is made again. Never rejects.
 */
export async function callAccount(account: Account, work: Work, context: CallContext): Promise<Called> {
  const { renewal, secrets, egress, dials, deadlineMs, answerBytes } = context;
  const http = new AccountHttp({ egress, connections: 1, ...(answerBytes !== undefined && { answerBytes }) });
  const child = new CatalogChild();
  let isLate = false;
  const late = () => {
    isLate = true;
    child.close();
  };
  const deadline = deadlineMs === undefined ? undefined : setTimeout(late, deadlineMs);
  try {
    const perform = async (asked: Account, wanted: Work) => {
      const run = new JobRun({ account: asked, work: wanted, http, gate: always, ...(dials && { dials }) });
      const end = await child.perform(run);
      return { run, end: isLate ? ({ kind: 'overdue' } as const) : end };
    };
    const tokens =
      renewal === undefined ? null : new AccountTokens({ account, secrets, perform, ...renewal });
    let called = await perform(account, work);
    const { last } = called.run;
    const isRefused = last?.answer.kind === 'answered' && last.answer.head.status === 401;
    const stale = account.auth?.accessToken;
    const isRenewed =
      isRefused && tokens !== null && stale !== undefined && (await tokens.renew(stale)) === null;
    if (isRenewed) called = await perform(tokens.account, work);
    return { ...called, mask: tokens?.mask ?? secretMask(secrets) };
  } finally {
    clearTimeout(deadline);
    child.close();
    await http.close();
  }
}
