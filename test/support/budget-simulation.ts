import { closeAccount, freshBooks, keepsRate, takeBlock, type Budget } from '../../src/core/budget.ts';
import { Pacer } from '../../src/core/pacer.ts';

/** One who sends: a run's lanes in one process. */
export interface Taker {
  readonly kind: 'stream' | 'replay';
  readonly batchSize: number;
  /** When it begins, and when it dies with all that it holds; milliseconds. */
  readonly from?: number | undefined;
  readonly diesAt?: number | undefined;
  /** Events that come to it; absent: it always has more than it can send. */
  readonly arrivals?: readonly number[] | undefined;
  /** How long Postgres takes to answer it, in turn; milliseconds. */
  readonly answersIn?: readonly number[] | undefined;
  /** How late its timers fire, in turn. */
  readonly late?: readonly number[] | undefined;
}

/** One event that left. `waited`: since it had come, for a taker with arrivals. */
export interface Sent {
  readonly at: number;
  readonly taker: number;
  readonly request: number;
  readonly waited: number;
}

export interface Scenario {
  readonly forMs: number;
  readonly takers: readonly Taker[];
  /** The budget from a time on. */
  readonly budgets: readonly { readonly at: number; readonly budget: Budget }[];
  /** The replay's own pace from a time on. */
  readonly paces?: readonly { readonly at: number; readonly pace: number | null }[];
  /** When the account answers 429, and for how long it closes. */
  readonly throttles?: readonly { readonly at: number; readonly forMs: number }[];
}

/** Lets takers send by the rules of the budget, on virtual time, each as fast as it may. */
export function simulate(scenario: Scenario): Sent[] {
  const sent: Sent[] = [];
  let books = freshBooks;
  let paceNextAt = 0;
  let requests = 0;
  const start = 1e9; // Postgres time does not begin at 0
  const states = scenario.takers.map((taker) => ({
    taker,
    pacer: new Pacer(taker.kind),
    waiting: [] as number[],
    askAt: taker.from ?? 0,
    looksAt: 0,
    answer: null as { at: number; apply: () => void } | null,
    turn: 0,
  }));
  const pick = <T>(list: readonly T[] | undefined, turn: number, otherwise: T) =>
    list === undefined || list.length === 0 ? otherwise : list[turn % list.length]!;
  const at = <T extends { at: number }>(list: readonly T[], now: number) =>
    list.findLast((one) => one.at <= now);

  for (let now = 0; now < scenario.forMs; now++) {
    const changed = [...scenario.budgets, ...(scenario.paces ?? [])].some((one) => one.at === now);
    if (changed) for (const state of states) [state.askAt] = (state.pacer.clear(), [now]);
    const budget = at(scenario.budgets, now)?.budget ?? {};
    for (const { forMs } of (scenario.throttles ?? []).filter((one) => one.at === now)) {
      books = closeAccount(books, budget, { forMs, acceptedPerSecond: perSecond(sent, now) }, start + now);
      for (const state of states) [state.askAt] = (state.pacer.clear(), [now]);
    }
    for (const [index, state] of states.entries()) {
      const { taker, pacer } = state;
      if (now < (taker.from ?? 0) || now >= (taker.diesAt ?? Infinity)) continue;
      while (taker.arrivals?.[state.turn] !== undefined && taker.arrivals[state.turn]! <= now)
        state.waiting.push(taker.arrivals[state.turn++]!);
      if (state.answer !== null && now >= state.answer.at) {
        state.answer.apply();
        state.answer = null;
      }
      const endless = taker.arrivals === undefined;
      const backlog = endless ? 100_000 : state.waiting.length;
      if (start + now < books.blockedUntil) state.looksAt = Math.ceil(books.blockedUntil - start);
      while (now >= state.looksAt) {
        const events = Math.min(pacer.room(now), taker.batchSize, endless ? Infinity : state.waiting.length);
        if (events === 0) {
          const next = pacer.leaveAt(now);
          if (next !== null && next > now) state.looksAt = Math.ceil(next) + pick(taker.late, sent.length, 0);
          break;
        }
        pacer.take(events, now);
        requests++;
        for (let event = 0; event < events; event++) {
          const came = state.waiting.shift() ?? now;
          sent.push({ at: now, taker: index, request: requests, waited: now - came });
        }
      }
      const wants = backlog - pacer.left(now);
      if (
        state.answer !== null ||
        wants <= 0 ||
        now < state.askAt ||
        now < pacer.fetchAt(now, slowest(taker))
      )
        continue;
      const pace = taker.kind === 'stream' ? null : (at(scenario.paces ?? [], now)?.pace ?? null);
      const limited = keepsRate(budget, books.learnt, start + now);
      if (!limited && pace === null) throw new Error('nothing limits');
      const grant = takeBlock(
        { kind: taker.kind, events: wants, batchSize: taker.batchSize, answersInMs: slowest(taker) },
        {
          account: limited ? { budget, books } : null,
          pace: pace === null ? null : { eventsPerSecond: pace, nextAt: paceNextAt },
        },
        start + now,
      );
      const answersIn = pick(taker.answersIn, now, 1);
      if (grant.kind === 'later') {
        state.answer = {
          at: now + answersIn,
          apply: () => (state.askAt = now + Math.ceil(grant.inMs) + ((index * 7 + now) % 10)),
        };
        continue;
      }
      books = grant.books ?? books;
      paceNextAt = grant.paceNextAt ?? paceNextAt;
      const block = { ...grant.block, from: grant.block.from - start, until: grant.block.until - start };
      state.answer = { at: now + answersIn, apply: () => pacer.add(block) };
      state.looksAt = 0;
    }
  }
  return sent;
}

const slowest = ({ answersIn = [] }: Taker) => Math.max(1, ...answersIn);

function perSecond(sent: readonly Sent[], now: number): number {
  return new Set(sent.filter(({ at }) => at > now - 1_000).map(({ request }) => request)).size;
}

/** The most events within any stretch of a length; its end is not in it. */
export function most(times: readonly number[], lengthMs = 1_000): number {
  let first = 0;
  let found = 0;
  times.forEach((at, index) => {
    while (times[first]! <= at - lengthMs) first++;
    found = Math.max(found, index - first + 1);
  });
  return found;
}
