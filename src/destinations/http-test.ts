import { randomUUID } from 'node:crypto';
import type { SendGate, TestResult } from './definition.ts';
import type { HttpRequest } from './http-exchange.ts';
import type { HttpSender } from './http-sender.ts';

const openGate: SendGate = { mayWrite: () => true };

/** Sends one request and says in words how it went; the sender is closed afterwards. */
export async function testOver(http: HttpSender, request: HttpRequest): Promise<TestResult> {
  const startedAt = performance.now();
  const answer = await http.post(request, openGate);
  const latencyMs = Math.round(performance.now() - startedAt);
  const outcome = http.outcomeOf(answer, request);
  await http.close();
  if (outcome.kind === 'delivered' && answer.kind === 'answered') {
    const { status } = answer.head;
    return { ok: true, message: `The destination took the test event (${status}).`, status, latencyMs };
  }
  const failure = 'failure' in outcome ? outcome.failure : undefined;
  return {
    ok: false,
    message: failure?.message ?? 'The test event was not sent.',
    ...(failure?.status === undefined ? {} : { status: failure.status }),
    latencyMs,
  };
}

/** An event that a receiver can tell by its name. @returns it without what only Reprise adds */
export function testEvent() {
  return {
    type: 'track',
    event: 'Reprise Test',
    messageId: `reprise-test-${randomUUID()}`,
    anonymousId: 'reprise-test',
    properties: {},
    timestamp: new Date().toISOString(),
  };
}
