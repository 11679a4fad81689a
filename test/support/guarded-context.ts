import type { RunContext } from '../../src/destinations/definition.ts';

/** The one action of `guardedContext`. */
export const actionId = '00000000-0000-4000-8000-0000000000aa';

/** How a destination is opened to which nothing but public addresses is allowed. */
export const guardedContext = (mapping: Record<string, unknown>, action: string | null): RunContext => ({
  egress: [],
  destinationId: '00000000-0000-4000-8000-0000000000ab',
  actions: [{ actionId, action, mapping }],
  replay: false,
});
