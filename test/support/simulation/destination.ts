import type { Task } from '../../../src/core/lane-types.ts';
import { outcomesOf, type Failure, type Outcome } from '../../../src/core/outcome.ts';
import type { Agenda } from './agenda.ts';
import type { Random } from './random.ts';
import type { Outage, Scenario, SimEvent } from './scenario.ts';
import type { Witness } from './witness.ts';

/** One request on its way. */
export interface SimRequest {
  readonly tasks: readonly Task<SimEvent>[];
  /** Taken along, because a task drops its event once it is closed. */
  readonly events: readonly SimEvent[];
}

const failure = (errorClass: string, status?: number): Failure => ({
  errorClass,
  message: errorClass,
  ...(status !== undefined && { status }),
});

const refusal: Outcome = { kind: 'refused', failure: failure('http_400', 400) };
const breakdown: Outcome = { kind: 'failed', failure: failure('http_500', 500) };

/** A destination that goes wrong as the scenario says. It goes on whatever becomes of those who send to it. */
export class SimDestination {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #agenda: Agenda;
  readonly #witness: Witness;

  constructor(scenario: Scenario, random: Random, agenda: Agenda, witness: Witness) {
    this.#scenario = scenario;
    this.#random = random;
    this.#agenda = agenda;
    this.#witness = witness;
  }

  /** A request that was written to its socket; `answer` is called when the outcomes of its deliveries are known. */
  send(request: SimRequest, answer: (outcomes: readonly Outcome[]) => void): void {
    const late = this.#chance(this.#scenario.delayed) ? this.#random.int(200, 8_000) : 0;
    this.#agenda.after(late + this.#random.int(1, 60), () => {
      const outcomes = this.#take(request);
      const slowest = Math.max(...request.events.map(({ user }) => this.#scenario.slow[user] ?? 0));
      this.#agenda.after(slowest + this.#random.int(1, 60), () => answer(outcomes));
    });
  }

  get #calm(): boolean {
    return this.#agenda.now >= this.#scenario.calmAt;
  }

  #chance(probability: number): boolean {
    return !this.#calm && this.#random.chance(probability);
  }

  #take(request: SimRequest): Outcome[] {
    const { now } = this.#agenda;
    const outage = this.#scenario.outages.find(({ from, to }) => from <= now && now < to);
    if (outage !== undefined) return outcomesOf(this.#outcomeOf(outage.kind), request.tasks.length);
    if (this.#chance(this.#scenario.throttling))
      return outcomesOf(this.#outcomeOf('throttled'), request.tasks.length);
    if (this.#chance(this.#scenario.wholeRequest))
      return outcomesOf(this.#outcomeOf('error'), request.tasks.length);
    const traits = request.tasks.map((task, at) => request.events[at]!.traits[task.actionId]);
    if (this.#scenario.judged === 'whole') {
      if (traits.includes('poison')) return outcomesOf(refusal, traits.length);
      if (traits.includes('broken')) return outcomesOf(breakdown, traits.length);
    }
    if (this.#scenario.judged === 'named' && traits.includes('poison'))
      return traits.map((trait) => (trait === 'poison' ? refusal : { kind: 'notSent' }));
    return request.tasks.map((task, at) => this.#deliver(request, task, request.events[at]!));
  }

  #deliver(request: SimRequest, task: Task<SimEvent>, event: SimEvent): Outcome {
    switch (event.traits[task.actionId]) {
      case 'poison':
        return refusal;
      case 'broken':
        return breakdown;
      case 'malformed':
        return { kind: 'invalid', failure: failure('mapping_failed') };
      default:
    }
    if (this.#chance(this.#scenario.failing)) return this.#outcomeOf('error');
    if (this.#chance(this.#scenario.takenThenFailed)) {
      this.#witness.took(request, task, event, 'failed');
      return this.#outcomeOf('error');
    }
    const lost = this.#chance(this.#scenario.answerLost);
    this.#witness.took(request, task, event, lost ? 'lost' : 'answered');
    return lost ? { kind: 'failed', failure: failure('reset') } : { kind: 'delivered' };
  }

  #outcomeOf(kind: Outage['kind']): Outcome {
    switch (kind) {
      case 'unreachable':
        return { kind: 'down', failure: failure('connection_refused') };
      case 'unauthorized':
        return { kind: 'down', failure: failure('http_401', 401) };
      case 'error':
        return { kind: 'failed', failure: failure('http_503', 503) };
      case 'forbidden':
        return { kind: 'refused', failure: failure('http_403', 403) };
      case 'throttled':
        return {
          kind: 'throttled',
          failure: failure('http_429', 429),
          retryAfterMs: this.#random.pick(this.#scenario.retryAfters),
        };
      case 'mixed':
        return this.#outcomeOf(this.#random.pick(['unreachable', 'throttled']));
    }
  }
}
