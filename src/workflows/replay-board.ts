import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { outsideWindow, scheduled } from '../core/replay-status.ts';
import { stateAttribute, type ReplayInput, type SliceResult } from './messages.ts';

/** What a person sees of a replay in Temporal's UI: summaries on the timeline, a table of lanes, a state to filter by. */
export class ReplayBoard {
  readonly #input: ReplayInput;
  readonly #lanes = new Map<number, SliceResult>();
  #newest: SliceResult | null = null;
  #state: string;
  #beginsAt: string | null = null;

  constructor(input: ReplayInput) {
    this.#input = input;
    this.#state = input.startsLater === true ? scheduled : 'running';
    this.#draw();
  }

  /** The line beside a lane's next slice: how far the replay is and how fast. */
  summary(lane: number): string {
    const last = this.#lanes.get(lane);
    const name = this.#input.lanes === 1 ? '' : `lane ${lane} · `;
    return `${name}${last === undefined ? 'starts' : progress(last)}`;
  }

  /** How far the whole replay is, as the slice that ended last found it. */
  get standing(): string {
    if (this.#beginsAt !== null) return `begins ${this.#beginsAt}`;
    return this.#newest === null ? 'not started' : progress(this.#newest);
  }

  show(lane: number, slice: SliceResult): void {
    this.#lanes.set(lane, slice);
    this.#newest = slice;
    this.#setState(stateOf(slice));
    this.#draw();
  }

  /** It waits for its time. @param beginsAt null: that has come, and the destination is busy */
  waits(beginsAt: string | null): void {
    this.#beginsAt = beginsAt ?? 'when the replay before it has ended';
    this.#draw();
  }

  begins(): void {
    this.#beginsAt = null;
    this.#setState('running');
    this.#draw();
  }

  end(as: string | null): void {
    this.#setState(as ?? 'ended');
    this.#draw();
  }

  #setState(state: string): void {
    if (state === this.#state) return;
    this.#state = state;
    upsertSearchAttributes([{ key: stateAttribute, value: state }]);
  }

  #draw(): void {
    const rows = [...this.#lanes].map(
      ([lane, slice]) =>
        `| ${lane} | ${slice.next} | ${slice.position} | ${slice.rate}/s | ${slice.wakeAt ?? ''} | ${slice.reason ?? ''} |`,
    );
    setCurrentDetails(
      [
        `**${this.#state}** · ${this.standing}`,
        '',
        '| lane | last slice | position | rate | next try | reason |',
        '|---|---|---|---|---|---|',
        ...rows,
      ].join('\n'),
    );
  }
}

/** E.g. `41 % · 1,230,000 of 3,000,000 · 950/s`. */
function progress({ settled, selected, rate }: SliceResult): string {
  const share = selected === 0 ? 100 : Math.floor((100 * settled) / selected);
  return `${share} % · ${grouped(settled)} of ${grouped(selected)} · ${rate}/s`;
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

function stateOf(slice: SliceResult): string {
  switch (slice.next) {
    case 'held':
      return 'held';
    case 'waiting':
      return 'retrying';
    case 'stopped':
      return slice.reason === outsideWindow ? outsideWindow : 'paused';
    case 'more':
    case 'done':
    case 'idle':
      return 'running';
  }
}
