import type { SimDatabase } from './database.ts';
import { keyOf } from './delivery-key.ts';
import type { Scenario, SimEvent } from './scenario.ts';
import { Violation } from './violation.ts';

/** Never sent, whatever the mode. */
export const leftOut: readonly string[] = ['untriggered', 'elsewhere', 'unasked'];

/** The first events of a run as its archive tells them, whatever its lane believes. */
export class SimCanary {
  readonly #scenario: Scenario;
  /** Those that the run has to send; null: there is no canary, or who may be sent to is not known beforehand. */
  readonly #toSend: readonly SimEvent[] | null;

  constructor(scenario: Scenario) {
    const { canary, to, events, suppressions } = scenario;
    const isKnown = canary !== null && to !== null && suppressions.length === 0;
    this.#scenario = scenario;
    this.#toSend = isKnown ? events.filter((event) => isToSend(event, scenario)) : null;
  }

  /** The last of the first events: what comes behind waits until they have passed. */
  get end(): number {
    return this.#toSend?.[this.#scenario.canary!.events - 1]?.position ?? Infinity;
  }

  /** A slice says that the first events are sent. What failed counts, too, even if it will prove to be malformed. */
  checkFull(scannedTo: number, { rows, dead }: SimDatabase): void {
    const toSend = this.#toSend;
    if (toSend === null) return;
    const { events, actions, canary } = this.#scenario;
    const counts = (event: SimEvent) =>
      toSend.includes(event) ||
      actions.some((action) => [rows, dead].some((list) => list.has(keyOf(event.position, action))));
    const sent = events.filter((event) => event.position <= scannedTo && counts(event)).length;
    if (sent < canary!.events)
      throw new Violation('a canary too small', `${sent} of ${canary!.events} up to ${scannedTo}`);
  }
}

function isToSend({ traits }: SimEvent, { actions, mode }: Scenario): boolean {
  const own = actions.map((action) => traits[action]!).filter((trait) => !leftOut.includes(trait));
  if (mode === 'all' || !own.includes('had')) return own.length > 0;
  // What cannot be mapped is shown, too, but not when another run delivered the rest.
  return own.some((trait) => trait !== 'had' && trait !== 'malformed');
}
