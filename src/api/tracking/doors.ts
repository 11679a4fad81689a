import type { EventType } from '../../core/event.ts';

/** What an address of the tracking API takes: one event of a type, or a batch of any. */
export type Call = EventType | 'batch';

/** Long and one-letter names; `import` is what one client family calls its batches. */
const calls: Readonly<Record<string, Call>> = {
  identify: 'identify',
  track: 'track',
  page: 'page',
  screen: 'screen',
  group: 'group',
  alias: 'alias',
  batch: 'batch',
  i: 'identify',
  t: 'track',
  p: 'page',
  s: 'screen',
  g: 'group',
  a: 'alias',
  b: 'batch',
  import: 'batch',
};

const addressPattern = /^\/v1\/([a-z]+)\/?(?:\?|$)/;

/** The call that a request's address stands for, with or without a slash at its end; null when it is not ours. */
export function callOf(url: string | undefined): Call | null {
  const name = addressPattern.exec(url ?? '')?.[1];
  return name !== undefined && Object.hasOwn(calls, name) ? (calls[name] ?? null) : null;
}
