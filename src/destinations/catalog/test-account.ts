import type { TestResult } from '../definition.ts';
import { callAccount, type CallContext } from './account-call.ts';
import type { CatalogDocument } from './document.ts';
import { outcomesOfJob } from './job-outcome.ts';
import type { Account } from './protocol.ts';

/** Asks the definition's own code whether the credentials are good; where it cannot tell, that is said. */
export async function testAccount(
  { title, authentication }: CatalogDocument,
  account: Account,
  context: CallContext,
): Promise<TestResult> {
  if (!authentication.tests) {
    const message = `${title} has no test of its own: whether the settings are right shows with the first delivery.`;
    return { ok: true, message, latencyMs: 0 };
  }
  const startedAt = performance.now();
  const { end, run, mask } = await callAccount(account, { kind: 'test' }, context);
  const latencyMs = Math.round(performance.now() - startedAt);
  const [outcome] = outcomesOfJob(end, run, { mask, now: Date.now(), showsSuccess: false });
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
}
