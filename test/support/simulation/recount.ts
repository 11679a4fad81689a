import type { SimDatabase } from './database.ts';
import { keyOf, nameOf } from './delivery-key.ts';
import type { Scenario, SimEvent } from './scenario.ts';
import { Violation } from './violation.ts';
import type { Witness } from './witness.ts';

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
  readonly #byPosition: ReadonlyMap<number, SimEvent>;

  constructor(
    scenario: Scenario,
    db: SimDatabase,
    witness: Witness,
    byPosition: ReadonlyMap<number, SimEvent>,
  ) {
    this.#scenario = scenario;
    this.#db = db;
    this.#witness = witness;
    this.#byPosition = byPosition;
  }

  /** Judges the database as one commit left it. */
  check(): void {
    const { events, actions } = this.#scenario;
    const { mark, counts } = this.#db.lane;
    this.#checkTruth();
    if (this.#db.rows.size > 0) this.#checkRows();
    const below: Cells = {};
    const above: Cells = {};
    const reasons: Cells = {};
    const byAction: Cells[] = actions.map(() => ({}));
    for (const event of events) {
      const ends = actions.map((action) => this.#endOf(event, action));
      if (event.position > mark) {
        if (!ends.includes(null)) bump(above, first(ends));
        continue;
      }
      ends.forEach((end, at) => {
        if (end === null)
          throw new Violation('lost', `${nameOf(event.position, actions[at]!)} below the mark ${mark}`);
        bump(byAction[at]!, end);
      });
      const bucket = first(ends);
      bump(below, bucket);
      if (bucket === 'filtered') bump(reasons, this.#reasonOf(event));
    }
    same('events', counts.events, below);
    same('reasons', counts.reasons, reasons);
    actions.forEach((action, at) => same(action, counts.byAction[action] ?? {}, byAction[at]!));
    this.#checkAhead(above);
  }

  /** Events that the next holder may find open again: that one was malformed, or its user suppressed, is kept nowhere. */
  get judgedAnew(): readonly SimEvent[] {
    const { events, actions } = this.#scenario;
    return events.filter(
      ({ position, traits }) =>
        Object.values(traits).includes('malformed') ||
        actions.some((action) => this.#witness.everSuppressed.has(keyOf(position, action))),
    );
  }

  /**
   * What is counted above the mark is settled; it need not be all that is, as what was not read again is not known. One
   * that is judged anew is told as it was until all is read again, and may wait meanwhile.
   */
  #checkAhead(settled: Cells): void {
    const { ahead, mark } = this.#db.lane;
    const again = Object.keys(ahead.events).length === 0 ? [] : this.judgedAnew;
    const open = again.filter(({ position }) => position > mark).length;
    for (const [bucket, count] of Object.entries(ahead.events)) {
      if (count > (settled[bucket] ?? 0) + open)
        throw new Violation('counted ahead of the truth', `${bucket}: ${count}, is ${settled[bucket] ?? 0}`);
    }
  }

  /** What is written down as had was answered with success, or another run has it. */
  #checkTruth(): void {
    for (const key of this.#db.has) {
      if (this.#witness.succeeded(key)) continue;
      const [position, action] = [Math.floor(key / 2), key % 2 === 0 ? 'a' : 'b'];
      if (this.#byPosition.get(position)?.traits[action] === 'had' && this.#scenario.mode !== 'all') continue;
      throw new Violation('falsely done', nameOf(position, action));
    }
  }

  /** Every order key that waits has a row with a time, or nobody would take it up after a crash. */
  #checkRows(): void {
    for (const [orderKey, rows] of this.#db.rows.byKey()) {
      if (rows.every(({ dueAt }) => dueAt === null))
        throw new Violation('waits for ever', `no row of ${orderKey} has a time`);
    }
    for (const row of this.#db.rows.values()) {
      const event = this.#byPosition.get(row.position)!;
      const others = this.#scenario.actions.filter(
        (action) => !this.#db.rows.has(keyOf(event.position, action)),
      );
      const rest = others.length === 0 ? null : first(others.map((action) => this.#endOf(event, action)));
      // A crash forgets that a delivery was malformed: it waits behind this one until it is found so again.
      const foundAgain = row.rest === 'invalid' && Object.values(event.traits).includes('malformed');
      // Who was suppressed, or is so no more, is judged anew after a crash, too, and may wait again by now.
      const judgedAnew = this.#scenario.actions.some(
        (action) => action !== row.actionId && this.#witness.everSuppressed.has(keyOf(row.position, action)),
      );
      if (row.rest !== rest && !foundAgain && !judgedAnew)
        throw new Violation('a rest that lies', `${row.position}: ${row.rest}, is ${rest}`);
    }
  }

  /** How a delivery ended, null when it has not. */
  #endOf(event: SimEvent, action: string): string | null {
    const key = keyOf(event.position, action);
    if (this.#db.rows.has(key)) return 'waiting';
    if (this.#db.dead.has(key)) return 'dead';
    const trait = event.traits[action];
    if (this.#db.has.has(key))
      return trait === 'had' && this.#scenario.mode !== 'all' ? 'alreadyDelivered' : 'delivered';
    if (trait === 'untriggered' || trait === 'unasked') return 'filtered';
    if (this.#witness.isSuppressed(key)) return 'suppressed';
    if (trait === 'elsewhere') return 'filtered';
    if (trait === 'malformed') return 'invalid';
    return null;
  }

  #reasonOf(event: SimEvent): string {
    const first = this.#scenario.actions.map((action) => event.traits[action])[0];
    if (first === 'unasked') return 'not_to_retry';
    return first === 'elsewhere' ? 'waiting_elsewhere' : 'trigger';
  }
}

function first(ends: readonly (string | null)[]): string {
  if (ends.length === 1) return ends[0] ?? 'filtered';
  return precedence.find((bucket) => ends.includes(bucket)) ?? 'filtered';
}

function bump(cells: Cells, key: string): void {
  cells[key] = (cells[key] ?? 0) + 1;
}

function same(what: string, got: Readonly<Cells>, wanted: Readonly<Cells>): void {
  for (const cells of [got, wanted])
    for (const key of Object.keys(cells))
      if ((got[key] ?? 0) !== (wanted[key] ?? 0))
        throw new Violation(
          'counts wrong',
          `${what}: ${JSON.stringify(got)}, should be ${JSON.stringify(wanted)}`,
        );
}
