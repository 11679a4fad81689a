import { applyEdits } from './completed-event.ts';
import type { ArchivedEvent, Edit, EventType } from './event.ts';
import { treeOf } from './fql/compiled.ts';
import { decideByColumns, decideByText, type AskedColumns } from './fql/decide.ts';
import { isOfColumns, type FqlTree } from './fql/tree.ts';
import type { Selection } from './selection.ts';

/** What is decided of each event of a run in code, as no column or only a tree tells it. */
export interface EventFilters {
  /** Of the selection, what columns do not tell; null: nothing. */
  readonly only: FqlTree | null;
  readonly except: FqlTree | null;
  /** The destination's own filter. */
  readonly filter: FqlTree | null;
  /** By action; an action without one takes every event. */
  readonly triggers: ReadonlyMap<string, FqlTree>;
}

/** What the filters of a run say of an event. */
export interface Verdict {
  readonly selected: boolean;
  /** The destination's filter lets it through. */
  readonly passes: boolean;
  /** Actions whose trigger does not take it. */
  readonly untriggered: readonly string[];
}

const none: readonly string[] = [];
/** What no filter says anything about. */
export const letThrough: Verdict = { selected: true, passes: true, untriggered: none };

/**
 * The filters of a run that have to be asked in code, null when there are none.
 * @param triggers FQL by action, of those that have one
 */
export function filtersOf(
  selection: Selection,
  triggers: Readonly<Record<string, string>>,
): EventFilters | null {
  const { only, except } = askedInCode(selection);
  const filter = selection.filter === undefined ? null : treeOf(selection.filter);
  const byAction = Object.entries(triggers).map(([actionId, text]) => [actionId, treeOf(text)] as const);
  if (only === null && except === null && filter === null && byAction.length === 0) return null;
  return { only, except, filter, triggers: new Map(byAction) };
}

/** Whether columns do not tell which events a selection takes, so that nobody knows their number before all are read. */
export function isDecidedInCode(selection: Selection): boolean {
  const { only, except } = askedInCode(selection);
  return only !== null || except !== null;
}

function askedInCode({ fql, exclude }: Selection): Pick<EventFilters, 'only' | 'except'> {
  return { only: beyondColumns(fql), except: beyondColumns(exclude?.fql) };
}

function beyondColumns(text: string | undefined): FqlTree | null {
  const tree = text === undefined ? null : treeOf(text);
  return tree === null || isOfColumns(tree) ? null : tree;
}

/**
 * Asks all filters about an event. The completed event is what is asked, as it is what is sent; its text is parsed once,
 * and only if columns leave something open. Of a deleted person's event there is no text: what columns leave open is then
 * answered so that it counts as suppressed.
 */
export function verdictOf(event: ArchivedEvent, { only, except, filter, triggers }: EventFilters): Verdict {
  const asked = new Asked(event);
  const selected = asked.holds(only, true) && !(except !== null && asked.holds(except, false));
  if (!selected) return { ...letThrough, selected };
  const untriggered: string[] = [];
  for (const [actionId, tree] of triggers) if (!asked.holds(tree, true)) untriggered.push(actionId);
  const passes = asked.holds(filter, true);
  return passes && untriggered.length === 0 ? letThrough : { selected, passes, untriggered };
}

/** An event whose columns and text are read at most once, however often they are asked for. */
class Asked {
  readonly #event: ArchivedEvent;
  readonly #columns: AskedColumns;
  #text: unknown = undefined;

  constructor(event: ArchivedEvent) {
    this.#event = event;
    this.#columns = new ReadOnce(event);
  }

  /** @param textless the answer where only a text could tell and there is none */
  holds(tree: FqlTree | null, textless: boolean): boolean {
    if (tree === null) return true;
    const decided = decideByColumns(tree, this.#columns);
    if (decided !== null) return decided;
    if (this.#event.raw.length === 0) return textless;
    return decideByText(tree, this.#columns, (this.#text ??= parsed(this.#event)));
  }
}

/** Columns of a page are decoded whenever they are asked for, and a filter often asks for the same ones. */
class ReadOnce implements AskedColumns {
  readonly #event: ArchivedEvent;
  #type: EventType | undefined;
  #name: string | null | undefined;

  constructor(event: ArchivedEvent) {
    this.#event = event;
  }

  get type(): EventType {
    return (this.#type ??= this.#event.type);
  }
  get name(): string | null {
    if (this.#name === undefined) this.#name = this.#event.name;
    return this.#name;
  }
  get userId(): string | null {
    return this.#event.userId;
  }
  get anonymousId(): string | null {
    return this.#event.anonymousId;
  }
  get messageId(): string {
    return this.#event.messageId;
  }
  get sourceId(): string {
    return this.#event.sourceId;
  }
}

const decoder = new TextDecoder();

function parsed({ raw, edits }: ArchivedEvent): unknown {
  return JSON.parse(decoder.decode(applyEdits(raw, JSON.parse(edits) as Edit[])));
}
