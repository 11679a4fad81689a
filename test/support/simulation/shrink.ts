import type { Scenario } from './scenario.ts';

/**
 * Makes a scenario that breaks a promise as small as it gets while it goes on breaking the same one: fewer events
 * first, then fewer things that go wrong, then a plainer lane.
 */
export function shrink(scenario: Scenario, breaks: (smaller: Scenario) => boolean): Scenario {
  let best = scenario;
  for (let round = 0; round < 4; round++) {
    const before = best;
    for (const smaller of passes) best = smaller(best, breaks);
    if (best === before) break;
  }
  return best;
}

type Pass = (scenario: Scenario, breaks: (smaller: Scenario) => boolean) => Scenario;

const passes: readonly Pass[] = [
  fewer('events', 1),
  fewer('crashes', 0),
  fewer('freezes', 0),
  fewer('stops', 0),
  fewer('doubles', 0),
  fewer('outages', 0),
  fewer('clockJumps', 0),
  fewer('dbAway', 0),
  fewer('pauses', 0),
  fewer('extensions', 0),
  fewer('suppressions', 0),
  plainer({
    slow: {},
    paced: false,
    notSent: 0,
    delayed: 0,
    dbFails: 0,
    dbAnswerLost: 0,
    dbHangs: 0,
    cancelAt: null,
    canary: null,
    judged: 'each',
    throttling: 0,
    answerLost: 0,
    takenThenFailed: 0,
    wholeRequest: 0,
    failing: 0,
    retryAfters: [null],
    concurrency: 1,
    batchSize: 1,
    pageSize: 10,
    unsentLimit: 1_000,
    windowLimit: 20_000,
    keysPerRead: 200,
    eventsPerKey: 100,
    sliceMs: 120_000,
    orderBy: 'user',
    mode: 'missing',
  }),
  (scenario, breaks) => oneAction(scenario, breaks),
];

type ListName = {
  [Name in keyof Scenario]: Scenario[Name] extends readonly object[] | readonly number[] ? Name : never;
}[keyof Scenario];

/** Takes out stretches of a list, halves first, single items last. */
function fewer(name: ListName, least: number): Pass {
  return (scenario, breaks) => {
    let best = scenario;
    for (
      let size = Math.ceil(best[name].length / 2);
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let at = 0; at < best[name].length && best[name].length - size >= least;) {
        const smaller = { ...best, [name]: best[name].toSpliced(at, size) };
        if (breaks(smaller)) best = smaller;
        else at += size;
      }
    }
    return best;
  };
}

/** Sets one member after another to its plainest value. */
function plainer(plain: Partial<Scenario>): Pass {
  return (scenario, breaks) => {
    let best = scenario;
    for (const [name, value] of Object.entries(plain)) {
      if (JSON.stringify(best[name as keyof Scenario]) === JSON.stringify(value)) continue;
      const smaller = { ...best, [name]: value };
      if (breaks(smaller)) best = smaller;
    }
    return best;
  };
}

function oneAction(scenario: Scenario, breaks: (smaller: Scenario) => boolean): Scenario {
  for (const action of scenario.actions) {
    const smaller = { ...scenario, actions: [action] };
    if (scenario.actions.length > 1 && breaks(smaller)) return smaller;
  }
  return scenario;
}
