import type { TestResult } from '../definition.ts';
import type { EgressAllow } from '../egress-address.ts';
import { secretMask } from '../secret-mask.ts';
import { AccountHttp } from './account-http.ts';
import { AccountTokens, type Renewal } from './account-tokens.ts';
import { CatalogChild } from './child-process.ts';
import type { CatalogDocument } from './document.ts';
import { outcomesOfJob } from './job-outcome.ts';
import { JobRun } from './job-run.ts';
import type { Account, Work } from './protocol.ts';

/** Asks the definition's own code whether the credentials are good; where it cannot tell, that is said. */
export async function testAccount(
  { title, authentication }: CatalogDocument,
  account: Account,
  context: {
    readonly egress: EgressAllow;
    readonly secrets: readonly string[];
    readonly renewal?: Renewal;
  },
): Promise<TestResult> {
  if (!authentication.tests) {
    const message = `${title} has no test of its own: whether the settings are right shows with the first delivery.`;
    return { ok: true, message, latencyMs: 0 };
  }
  const http = new AccountHttp({ egress: context.egress, connections: 1 });
  const child = new CatalogChild();
  const startedAt = performance.now();
  try {
    const gate = { mayWrite: () => true };
    const perform = async (asked: Account, work: Work) => {
      const run = new JobRun({ account: asked, work, http, gate });
      return { run, end: await child.perform(run) };
    };
    const { renewal, secrets } = context;
    const tokens =
      renewal === undefined ? null : new AccountTokens({ account, secrets, perform, ...renewal });
    let { run, end } = await perform(account, { kind: 'test' });
    const stale = account.auth?.accessToken;
    const isRefused = run.last?.answer.kind === 'answered' && run.last.answer.head.status === 401;
    const isRenewed =
      isRefused && tokens !== null && stale !== undefined && (await tokens.renew(stale)) === null;
    if (isRenewed) ({ run, end } = await perform(tokens.account, { kind: 'test' }));
    const latencyMs = Math.round(performance.now() - startedAt);
    const telling = { mask: tokens?.mask ?? secretMask(secrets), now: Date.now(), showsSuccess: false };
    const [outcome] = outcomesOfJob(end, run, telling);
    if (outcome?.kind === 'delivered') {
      return { ok: true, message: `${title} accepts the credentials.`, latencyMs };
    }
    const failure = outcome !== undefined && 'failure' in outcome ? outcome.failure : undefined;
    const status = run.last?.answer.kind === 'answered' ? run.last.answer.head.status : failure?.status;
    return {
      ok: false,
      message: failure?.message ?? 'The credentials were not tested.',
      ...(status !== undefined && { status }),
      latencyMs,
    };
  } finally {
    child.close();
    await http.close();
  }
}
