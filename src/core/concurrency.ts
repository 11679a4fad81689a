import { leaseSeenLiveMs } from './lease.ts';

/** For how long at least one who has got some keeps it while others wait, so that it is used; milliseconds. */
const turnMs = 500;

/** One process's part of the requests that an account bears at once, for its stream or its replay. */
export interface ConnectionHolder {
  readonly kind: 'stream' | 'replay';
  /** How many it could use. */
  readonly wants: number;
  /** How many it may use: those under way never exceed it. */
  readonly holds: number;
  /** Since when it has held some, or has waited with none; like `seenAt` in milliseconds of Postgres time. */
  readonly since: number;
  readonly seenAt: number;
}

/** Who holds what of an account's requests at once, by the holder's id. */
export type ConnectionHolders = Readonly<Record<string, ConnectionHolder>>;

/** What a holder says of itself. `uses`: what it may have under way until it hears the answer; nobody can take it back. */
export interface ConnectionClaim {
  readonly id: string;
  readonly kind: ConnectionHolder['kind'];
  readonly wants: number;
  readonly uses: number;
}

export interface ConnectionGrant {
  readonly holders: ConnectionHolders;
  /** How many are its own from now on, and how many of them it should keep. */
  readonly holds: number;
  readonly part: number;
  /** Another wants more than it holds, or more are held than the account bears: what exceeds the part goes back. */
  readonly tight: boolean;
  /** Whether the others should hear of it: something is free for one who is short, or this one makes it tight. */
  readonly tell: boolean;
}

/**
 * Grants a holder its part of the requests that an account bears at once. It never gets what another still holds: who
 * holds more than his part gives it back as his requests end, and only then may the next one have it. A holder that has
 * not been seen for as long as a lease counts is gone, and its requests with it.
 * @param most what the account bears
 */
export function claimConnections(
  holders: ConnectionHolders,
  claim: ConnectionClaim,
  most: number,
  now: number,
): ConnectionGrant {
  const { id, kind, wants, uses } = claim;
  const others = Object.entries(holders)
    .filter(([other, { seenAt }]) => other !== id && now - seenAt < leaseSeenLiveMs)
    .map(([other, holder]) => [other, { ...holder, seenAt: Math.min(now, holder.seenAt) }] as const);
  const before = holders[id];
  const all = new Map<string, ConnectionHolder>(others);
  const standing = { holds: before?.holds ?? 0, since: before?.since ?? now };
  if (wants > 0 || uses > 0) all.set(id, { kind, wants: Math.max(wants, uses), ...standing, seenAt: now });
  const parts = partsOf(all, most, now);
  const taken = others.reduce((sum, [, { holds }]) => sum + holds, 0);
  const holds = Math.max(uses, Math.min(parts.get(id) ?? 0, Math.max(0, most - taken)));
  const mine = all.get(id);
  const since = holds > 0 === standing.holds > 0 ? standing.since : now;
  if (mine !== undefined) all.set(id, { ...mine, holds, since });
  const part = parts.get(id) ?? 0;
  const othersShort = others.some(([, other]) => other.wants > other.holds);
  const wasShort = before !== undefined && before.wants > before.holds;
  const had = before?.holds ?? 0;
  // The limit was lowered, or set, while more were under way.
  const tooMany = taken + holds > most;
  const tell = (othersShort && holds < had) || (tooMany && holds > had) || (holds < part && !wasShort);
  return { holders: Object.fromEntries(all), holds, part, tight: othersShort || tooMany, tell };
}

/**
 * The stream gets what it wants, but for the one request that a replay always keeps if there is more than one; the
 * replay gets the rest. Those of one kind share alike.
 */
function partsOf(
  holders: ReadonlyMap<string, ConnectionHolder>,
  most: number,
  now: number,
): Map<string, number> {
  const of = (kind: ConnectionHolder['kind']) =>
    [...holders].filter(([, holder]) => holder.kind === kind).toSorted(byTurn(now));
  const sum = (list: readonly Holding[]) => list.reduce((total, [, { wants }]) => total + wants, 0);
  const [streams, replays] = [of('stream'), of('replay')];
  const kept = most > 1 ? Math.min(1, sum(replays)) : 0;
  const forStreams = Math.min(sum(streams), most - kept);
  return new Map([...shareOut(streams, forStreams), ...shareOut(replays, most - forStreams)]);
}

type Holding = readonly [id: string, holder: ConnectionHolder];

/**
 * Whose turn it is: who has got some of late keeps it, then come those who wait, the longest first, and last who has had
 * his turn, the longest at the end.
 */
function byTurn(now: number): (one: Holding, other: Holding) => number {
  const rank = ({ holds, since }: ConnectionHolder) => (holds === 0 ? 1 : now - since < turnMs ? 0 : 2);
  return ([oneId, one], [otherId, other]) => {
    const earlier = one.since - other.since || (oneId < otherId ? -1 : 1);
    return rank(one) - rank(other) || (one.holds === 0 ? earlier : -earlier);
  };
}

/** One for each in turn, again and again: who comes last goes without when there are not enough. */
function shareOut(list: readonly Holding[], all: number): Map<string, number> {
  const parts = new Map(list.map(([id]) => [id, 0]));
  let left = all;
  for (let short = list; left > 0 && short.length > 0; left -= short.length) {
    short = short.filter(([id, { wants }]) => parts.get(id)! < wants);
    for (const [id] of short.slice(0, left)) parts.set(id, parts.get(id)! + 1);
  }
  return parts;
}

/** A lane's part of the requests that its replay may have at once; the parts add up to all of them. */
export function laneConnections(most: number, lane: number, lanes: number): number {
  return Math.floor(((lane + 1) * most) / lanes) - Math.floor((lane * most) / lanes);
}

/**
 * Into how many lanes a replay is divided: each needs a request of its own. @param params.asked by the user
 * @param params.pace most requests at once of the replay @param params.account of the account @param params.streams
 * whether the account has a stream, for which one is left
 */
export function lanesOf(params: {
  asked: number;
  pace: number | undefined;
  account: number | undefined;
  streams: boolean;
}): number {
  const { asked, pace = asked, account = Number.POSITIVE_INFINITY, streams } = params;
  return Math.max(1, Math.min(asked, pace, account - (streams ? 1 : 0)));
}
