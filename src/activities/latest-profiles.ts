import { filtersOf, letThrough, type EventFilters } from '../core/event-filters.ts';
import { orderKeyOf, type ArchivedEvent, type Position } from '../core/event.ts';
import { optsOut } from '../core/integrations.ts';
import type { Task } from '../core/lane-types.ts';
import type { Selection } from '../core/selection.ts';
import type { OutOfTime } from '../core/time-rule.ts';
import { TraitsFold } from '../core/traits-fold.ts';
import { archiveHead } from '../db/archive/read.ts';
import type { TakenLane } from '../db/lane-lease.ts';
import {
  lastIdentifies,
  latestProfileRuns,
  listedTo,
  listIdentifies,
  newestIdentifies,
  selectedOf,
  standingsOf,
  surroundingsOf,
  type Standing,
  type Stretch,
  type Surroundings,
} from '../db/replay-identifies.ts';
import type { Queryable } from '../db/sql.ts';
import { verdictsOf } from './verdicts.ts';

interface Deps {
  readonly db: Queryable;
  /** Whether the slice still sends. */
  readonly goesOn: () => boolean;
  readonly outOfTime: (event: ArchivedEvent) => OutOfTime | null;
}

/** What goes out in place of an event; `superseded`: nothing, as a later one says it all. */
export type Content = ArchivedEvent | 'superseded';

/** An identify call of the same user, and what the replay would do with it. */
interface Other {
  readonly event: ArchivedEvent;
  /** The replay takes it: it lies in its range, is selected, and the action's trigger and the destination's filter take it. */
  readonly selected: boolean;
  /** The destination takes it from whoever sends it. */
  readonly taken: boolean;
}

const firstLook = 8;
const mostAtOnce = 512;
const rememberedUsers = 50_000;

/**
 * What a replay with `profiles: "latest"` sends of identify calls. Of a user's calls in its range the last that it sends
 * carries the traits of all of them, without those that a later call has set at the destination or is about to; the
 * others are superseded. It is looked up right before a request, as live calls come in meanwhile.
 */
export class LatestProfiles {
  readonly #taken: TakenLane;
  readonly #deps: Deps;
  /** Decide which calls the destination takes, and which of them the replay selects beyond columns. */
  readonly #takes: EventFilters | null;
  readonly #selects: EventFilters | null;
  #listedTo: Position | null = null;
  #listing: Promise<void> | null = null;
  /** By user and action a call that is sent, the last one if known: most calls are superseded, and by the same one. */
  readonly #last = new Map<string, Position>();
  /** Users whose last call has been looked at. */
  readonly #foreseen = new Set<string>();

  constructor(taken: TakenLane, deps: Deps) {
    const { filter, ...rest } = taken.selection;
    this.#taken = taken;
    this.#deps = deps;
    this.#takes = filtersOf(filter === undefined ? {} : { filter }, taken.triggers);
    this.#selects = filtersOf(rest, {});
  }

  /** Lists identify calls up to a position, or as far as the slice goes on. */
  async list(upTo: Position): Promise<void> {
    while (this.#deps.goesOn() && (this.#listedTo ?? 0) < upTo) {
      this.#listing ??= this.#listOn(upTo).finally(() => {
        this.#listing = null;
      });
      await this.#listing;
    }
  }

  /** Looks up the last calls of the users of a page at once: one by one that would be most of the work. */
  async foresee(page: readonly ArchivedEvent[]): Promise<void> {
    const users = [...new Set(page.filter(isProfile).map(orderKeyOf))].filter(
      (user) => !this.#foreseen.has(user),
    );
    if (users.length === 0) return;
    const { runId, toPosition, actions } = this.#taken;
    const events = await lastIdentifies(this.#deps.db, runId, users, toPosition!);
    for (const { actionId } of actions) {
      const others = (await this.#judged(events, actionId)).filter(({ selected }) => selected);
      const standings = await standingsOf(this.#deps.db, this.#taken, actionId, positionsOf(others));
      for (const other of others) {
        const { position } = other.event;
        if (this.#sends(other, standings.get(position)!))
          this.#remember(userAction(other.event, actionId), position);
      }
    }
    if (this.#foreseen.size >= rememberedUsers) this.#foreseen.clear();
    for (const user of users) this.#foreseen.add(user);
  }

  /** What goes out of each delivery of a request, in order; null: the slice ends before it is known. */
  async contentsOf(batch: readonly Task<ArchivedEvent>[]): Promise<Content[] | null> {
    const known = batch.map(({ entry, actionId }) => this.#knownOf(entry.event!, actionId));
    const profiles = batch.flatMap(({ entry }, index) => (known[index] === null ? [entry.event!] : []));
    if (profiles.length === 0) return known as Content[];
    const { db } = this.#deps;
    const head = await archiveHead(db);
    await this.list(head);
    if (this.#listedTo === null || this.#listedTo < head) return null;
    const around = await surroundingsOf(db, this.#taken.runId, profiles);
    return await Promise.all(
      batch.map(async ({ entry, actionId }, index) => {
        const event = entry.event!;
        const beside = around.get(event.position);
        return known[index] ?? (beside === undefined ? event : this.#contentOf(event, actionId, beside));
      }),
    );
  }

  /** What is known without a look; null: nothing. */
  #knownOf(event: ArchivedEvent, actionId: string): Content | null {
    if (!isProfile(event)) return event;
    return (this.#last.get(userAction(event, actionId)) ?? 0) > event.position ? 'superseded' : null;
  }

  async #listOn(upTo: Position): Promise<void> {
    const { db } = this.#deps;
    const from = this.#listedTo ?? (await listedTo(db, this.#taken));
    if (from < upTo) await listIdentifies(db, this.#taken, from, upTo);
    this.#listedTo = await listedTo(db, this.#taken);
  }

  async #contentOf(event: ArchivedEvent, actionId: string, around: Surroundings): Promise<Content> {
    const fold = new TraitsFold();
    const newer = around.newer && (await this.#keepNewer(event, actionId, fold));
    if (newer === 'superseded') return newer;
    fold.add(event);
    const older = around.older && (await this.#addOlder(event, actionId, fold));
    if (newer && fold.isEmpty) return 'superseded';
    return newer || older ? fold.into(event) : event;
  }

  /**
   * Keeps what newer calls have set out of the fold. @returns whether there are any; `superseded`: one of them is sent by
   * this replay, or was sent by one that put the event into it
   */
  async #keepNewer(
    event: ArchivedEvent,
    actionId: string,
    fold: TraitsFold,
  ): Promise<boolean | 'superseded'> {
    const { toPosition } = this.#taken;
    const { position } = event;
    let found = false;
    // What the replay sends itself is asked for first, as nearly all are superseded by that.
    const end = toPosition! + 1;
    for (const part of [
      { above: position, below: end },
      { above: Math.max(position, end - 1), below: Number.MAX_SAFE_INTEGER },
    ]) {
      for await (const others of this.#others(event, actionId, part)) {
        const taken = others.filter((other) => other.taken);
        if (taken.length === 0) continue;
        const standings = await standingsOf(this.#deps.db, this.#taken, actionId, positionsOf(taken));
        for (const other of taken) {
          const standing = standings.get(other.event.position)!;
          if (this.#sends(other, standing)) {
            this.#remember(userAction(event, actionId), other.event.position);
            return 'superseded';
          }
          if (await this.#wentAlong(event, actionId, standing)) return 'superseded';
          if (!isThere(other.event, standing)) continue;
          fold.keepOut(other.event);
          found = true;
        }
      }
    }
    return found;
  }

  /** @returns whether there are any */
  async #addOlder(event: ArchivedEvent, actionId: string, fold: TraitsFold): Promise<boolean> {
    let found = false;
    const part = { above: this.#taken.fromPosition - 1, below: event.position };
    for await (const others of this.#others(event, actionId, part)) {
      for (const other of others) {
        if (!other.selected) continue;
        fold.add(other.event);
        found = true;
      }
    }
    return found;
  }

  /** The replay sends it, or has sent it: it also sets the bit of what others have delivered. */
  #sends({ event, selected }: Other, { runs, waits }: Standing): boolean {
    if (!selected || this.#deps.outOfTime(event) !== null) return false;
    const { mode, runNumber } = this.#taken;
    const others = runs.filter((run) => run !== runNumber);
    return (mode === 'all' || others.length === 0) && (runs.includes(runNumber) || !waits);
  }

  /** An earlier replay of this kind has delivered the newer call, with the event's traits in it. */
  async #wentAlong(event: ArchivedEvent, actionId: string, { runs }: Standing): Promise<boolean> {
    const others = runs.filter((run) => run !== this.#taken.runNumber);
    if (others.length === 0 || this.#taken.mode === 'all') return false;
    const action = this.#taken.actions.find((one) => one.actionId === actionId)!;
    const { position } = event;
    for (const run of await latestProfileRuns(this.#deps.db, others, action)) {
      if (position < run.from || position > run.to) continue;
      if ((await this.#selectedOf([event], run.selection, filtersOf(run.selection, {}))).length > 0)
        return true;
    }
    return false;
  }

  /** A user's other calls in a stretch, newest first, in growing lots. */
  async *#others(event: ArchivedEvent, actionId: string, { above, below }: Stretch): AsyncGenerator<Other[]> {
    const { db } = this.#deps;
    let size = firstLook;
    for (let end: Position | null = below; end !== null; size = Math.min(size * 8, mostAtOnce)) {
      const stretch = { above, below: end };
      const { events, last } = await newestIdentifies(
        db,
        this.#taken.runId,
        orderKeyOf(event),
        stretch,
        size,
      );
      yield await this.#judged(events, actionId);
      end = last;
    }
  }

  async #judged(events: readonly ArchivedEvent[], actionId: string): Promise<Other[]> {
    const { selection, toPosition } = this.#taken;
    const within = events.filter(({ position }) => position <= toPosition!);
    const selected = new Set(await this.#selectedOf(within, selection, this.#selects));
    const verdicts = await verdictsOf(events, this.#takes);
    return events.map((event, index) => {
      const { passes, untriggered } = verdicts?.[index] ?? letThrough;
      const taken = passes && !untriggered.includes(actionId) && this.#isMeant(event);
      return { event, taken, selected: taken && selected.has(event.position) };
    });
  }

  /** Positions of the events that a selection takes. */
  async #selectedOf(
    events: readonly ArchivedEvent[],
    selection: Selection,
    filters: EventFilters | null,
  ): Promise<Position[]> {
    if (events.length === 0) return [];
    const byColumns = await selectedOf(
      this.#deps.db,
      events.map(({ position }) => position),
      selection,
    );
    const left = events.filter(({ position }) => byColumns.has(position));
    const verdicts = await verdictsOf(left, filters);
    return left
      .filter((_, index) => (verdicts?.[index] ?? letThrough).selected)
      .map(({ position }) => position);
  }

  /** Its source and the event itself let it go to the destination. */
  #isMeant({ sourceId, integrations }: ArchivedEvent): boolean {
    const { sources, destination } = this.#taken;
    if (sources !== null && !sources.includes(sourceId)) return false;
    return this.#taken.integrations !== 'honour' || !optsOut(integrations, destination);
  }

  #remember(key: string, position: Position): void {
    if (this.#last.size >= rememberedUsers) this.#last.delete(this.#last.keys().next().value!);
    this.#last.set(key, position);
  }
}

function userAction(event: ArchivedEvent, actionId: string): string {
  return `${actionId}/${orderKeyOf(event)}`;
}

/** Whose traits it sets is known. */
function isProfile({ type, userId, anonymousId }: ArchivedEvent): boolean {
  return type === 'identify' && (userId !== null || anonymousId !== null);
}

/** The destination has it, or somebody else is about to bring it. */
function isThere({ live }: ArchivedEvent, { runs, waits, ahead }: Standing): boolean {
  return runs.length > 0 || waits || (ahead && live);
}

function positionsOf(others: readonly Pick<Other, 'event'>[]): Position[] {
  return others.map(({ event }) => event.position);
}
