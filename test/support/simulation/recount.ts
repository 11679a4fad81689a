import { covers } from '../../../src/core/coverage.ts';
import { deliveryKey, type SimDatabase } from './database.ts';
import type { Scenario, SimEvent } from './scenario.ts';
import { Violation, type Witness } from './witness.ts';

type Cells = Record<string, number>;

/** What comes first counts, written down a second time. */
const precedence = [
  'waiting dead unconfirmable delivered alreadyDelivered suppressed invalid superseded tooOld filtered',
].flatMap((list) => list.split(' '));

/** Counts a lane anew from the archive, the rows and what the destination has, and compares. */
export class Recount {
  readonly #scenario: Scenario;
  readonly #db: SimDatabase;
  readonly #witness: Witness;

  constructor(scenario: Scenario, db: SimDatabase, witness: Witness) {
    this.#scenario = scenario;
    this.#db = db;
    this.#witness = witness;
  }

  /** Judges the database as one commit left it. */
  check(): void {
    this.#checkTruth();
    this.#checkRows();
    const events: Cells = {};
    const byAction: Record<string, Cells> = {};
    const reasons: Cells = {};
    const { actions } = this.#scenario;
    for (const event of this.#scenario.events) {
      if (event.position > this.#db.mark) break;
      const ends = actions.map((action) => this.#endOf(event, action));
      const lost = actions.find((_, at) => ends[at] === null);
      if (lost !== undefined)
        throw new Violation('lost', `${deliveryKey(event.position, lost)} below the mark ${this.#db.mark}`);
      actions.forEach((action, at) => bump((byAction[action] ??= {}), ends[at]!));
      const bucket = first(ends);
      bump(events, bucket);
      if (bucket === 'filtered') bump(reasons, this.#reasonOf(event));
    }
    const { counts } = this.#db;
    same('events', counts.events, events);
    same('reasons', counts.reasons, reasons);
    for (const action of actions) same(action, counts.byAction[action] ?? {}, byAction[action] ?? {});
    this.#checkAhead();
  }

  /** What is counted above the mark is settled; it need not be all that is, as what was not read again is not known. */
  #checkAhead(): void {
    const settled: Cells = {};
    for (const event of this.#scenario.events) {
      if (event.position <= this.#db.mark) continue;
      const ends = this.#scenario.actions.map((action) => this.#endOf(event, action));
      if (!ends.includes(null)) bump(settled, first(ends));
    }
    for (const [bucket, count] of Object.entries(this.#db.ahead.events)) {
      if (count > (settled[bucket] ?? 0))
        throw new Violation('counted ahead of the truth', `${bucket}: ${count}, is ${settled[bucket] ?? 0}`);
    }
  }

  /** What is written down as had was answered with success, or another run has it. */
  #checkTruth(): void {
    for (const event of this.#scenario.events) {
      for (const action of this.#scenario.actions) {
        if (!this.#hasBit(event, action) || this.#witness.succeeded(event.position, action)) continue;
        if (event.traits[action] === 'had' && this.#scenario.mode !== 'all') continue;
        throw new Violation('falsely done', deliveryKey(event.position, action));
      }
    }
  }

  /** Every order key that waits has a row with a time, or nobody would take it up after a crash. */
  #checkRows(): void {
    for (const [orderKey, rows] of this.#db.byKey()) {
      if (rows.every(({ dueAt }) => dueAt === null))
        throw new Violation('waits for ever', `no row of ${orderKey} has a time`);
    }
    for (const row of this.#db.rows.values()) {
      const event = this.#scenario.events.find(({ position }) => position === row.position)!;
      const others = this.#scenario.actions.filter((action) => !this.#waits(event, action));
      const rest = others.length === 0 ? null : first(others.map((action) => this.#endOf(event, action)));
      // A crash forgets that a delivery was malformed: it waits behind this one until it is found so again.
      const foundAgain = row.rest === 'invalid' && Object.values(event.traits).includes('malformed');
      if (row.rest !== rest && !foundAgain)
        throw new Violation('a rest that lies', `${row.position}: ${row.rest}, is ${rest}`);
    }
  }

  #waits(event: SimEvent, action: string): boolean {
    return this.#db.rows.has(deliveryKey(event.position, action));
  }

  #hasBit(event: SimEvent, action: string): boolean {
    return covers(this.#db.own.get(action), event.position);
  }

  /** How a delivery ended, null when it has not. */
  #endOf(event: SimEvent, action: string): string | null {
    if (this.#waits(event, action)) return 'waiting';
    if (this.#db.dead.has(deliveryKey(event.position, action))) return 'dead';
    const trait = event.traits[action];
    if (this.#hasBit(event, action))
      return trait === 'had' && this.#scenario.mode !== 'all' ? 'alreadyDelivered' : 'delivered';
    if (trait === 'untriggered' || trait === 'elsewhere') return 'filtered';
    if (trait === 'malformed') return 'invalid';
    return null;
  }

  #reasonOf(event: SimEvent): string {
    const first = this.#scenario.actions.map((action) => event.traits[action])[0];
    return first === 'elsewhere' ? 'waiting_elsewhere' : 'no_trigger_matches';
  }
}

function first(ends: readonly (string | null)[]): string {
  return precedence.find((bucket) => ends.includes(bucket)) ?? 'filtered';
}

function bump(cells: Cells, key: string): void {
  cells[key] = (cells[key] ?? 0) + 1;
}

function same(what: string, got: Readonly<Cells>, wanted: Readonly<Cells>): void {
  const names = new Set([...Object.keys(got), ...Object.keys(wanted)]);
  for (const key of names) {
    if ((got[key] ?? 0) !== (wanted[key] ?? 0))
      throw new Violation(
        'counts wrong',
        `${what}: ${JSON.stringify(got)}, should be ${JSON.stringify(wanted)}`,
      );
  }
}
