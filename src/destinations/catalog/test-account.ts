import type { TestResult } from '../definition.ts';
import { callAccount, renewAccount, type CallContext } from './account-call.ts';
import { noNewToken } from './account-tokens.ts';
import type { CatalogDocument } from './document.ts';
import { outcomesOfJob, serviceTrouble } from './job-outcome.ts';
import type { Account } from './protocol.ts';

/** Asks the definition's own code whether the credentials are good; where it cannot tell, that is said. */
export async function testAccount(
  { title, authentication }: CatalogDocument,
  account: Account,
  context: CallContext,
): Promise<TestResult> {
  const startedAt = performance.now();
  const tookMs = () => Math.round(performance.now() - startedAt);
  if (!authentication.tests) {
    const tested = await testTokens(title, account, context);
    return { ...tested, latencyMs: tookMs() };
  }
  const { end, run, mask, noToken } = await callAccount(account, { kind: 'test' }, context);
  const latencyMs = tookMs();
  const telling = { mask, now: Date.now(), showsSuccess: false };
  const [outcome] = outcomesOfJob(end, run, telling);
  if (outcome?.kind === 'delivered') {
    return { ok: true, message: `${title} accepts the credentials.`, latencyMs };
  }
  // The framework calls the credentials wrong whatever happened.
  const trouble = serviceTrouble(run, telling);
  if (trouble !== null) {
    const message = `The credentials were not tested. ${trouble.message}`;
    return { ok: false, message, ...(trouble.status !== undefined && { status: trouble.status }), latencyMs };
  }
  const failure = outcome !== undefined && 'failure' in outcome ? outcome.failure : undefined;
  const status = run.last?.answer.kind === 'answered' ? run.last.answer.head.status : failure?.status;
  const message = failure?.message ?? 'The credentials were not tested.';
  return {
    ok: false,
    message: noToken === undefined ? message : noNewToken(noToken),
    ...(status !== undefined && { status }),
    latencyMs,
  };
}

/**
 * Where the code tests nothing, a refresh token is at least shown to whoever takes it: what comes of that is kept for
 * the deliveries. That says nothing of the other settings, so it is no success.
 */
async function testTokens(
  title: string,
  account: Account,
  context: CallContext,
): Promise<Pick<TestResult, 'ok' | 'message'>> {
  const rest = 'whether the settings are right shows with the first delivery.';
  const problem = await renewAccount(account, context);
  if (problem === undefined) return { ok: null, message: `${title} has no test of its own: ${rest}` };
  if (problem === null)
    return { ok: null, message: `A new access token was had, and ${title} has no other test: ${rest}` };
  return { ok: false, message: `No new access token could be had: ${problem}` };
}
