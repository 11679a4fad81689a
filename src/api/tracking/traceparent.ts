import type { IncomingMessage } from 'node:http';

/** The trace that a sender is in, as its header has it. Source: w3.org/TR/trace-context. */
export function traceparentOf({ headers }: IncomingMessage): string | undefined {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? traceparent : undefined;
}
