import { problem, type Problem } from '../problem.ts';
import type { Caller } from './caller.ts';

/** How many seconds of its rate a token may use at once after a quiet time. */
const burstSeconds = 2;

/** What a request leaves of its token's rate. */
export interface Taken {
  /** As draft-ietf-httpapi-ratelimit-headers-10 has them; none where there is no limit. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: the request may go on. */
  readonly refusal: Problem | null;
}

/**
 * Keeps every token to so many requests a second, in this process: a bucket that fills again as time goes by.
 * @param perSecond 0: any number
 * @returns takes one request at a time, in milliseconds of a clock that only goes forward
 */
export function requestRate(perSecond: number): (caller: Caller, now: number) => Taken {
  if (perSecond === 0) return () => ({ headers: {}, refusal: null });
  const most = perSecond * burstSeconds;
  const policy = `"token";q=${most};w=${burstSeconds}`;
  const buckets = new Map<string | null, { left: number; at: number }>();
  return ({ tokenId }, now) => {
    const bucket = buckets.get(tokenId) ?? { left: most, at: now };
    const left = Math.min(most, bucket.left + ((now - bucket.at) * perSecond) / 1_000);
    const isTaken = left >= 1;
    const rest = isTaken ? left - 1 : left;
    buckets.set(tokenId, { left: rest, at: now });
    const full = Math.ceil((most - rest) / perSecond);
    const headers = { 'ratelimit-policy': policy, ratelimit: `"token";r=${Math.floor(rest)};t=${full}` };
    if (isTaken) return { headers, refusal: null };
    return { headers, refusal: tooMany(Math.max(1, Math.ceil((1 - rest) / perSecond))) };
  };
}

const tooMany = (seconds: number) =>
  problem(
    'too_many_requests',
    `This token asks faster than it may. Wait ${seconds} s and ask again; nothing was done.`,
    { headers: { 'retry-after': String(seconds) } },
  );
