import { driveLane, type Wakes } from './drive-lane.ts';

type LaneDrive = Parameters<typeof driveLane>;

/**
 * Works the lanes of a replay side by side until all are done. One that is done is looked at again whenever something
 * wakes the replay before that: its range may have grown.
 */
export class ReplayDrive {
  readonly #wakes: Wakes;
  readonly #looksAgain: boolean;
  #open: number;

  /** @param looksAgain false for executions that began when a range did not change */
  constructor(lanes: number, wakes: Wakes, looksAgain: boolean) {
    this.#open = lanes;
    this.#wakes = wakes;
    this.#looksAgain = looksAgain;
  }

  /** Works one of them. */
  async lane(...drive: LaneDrive): Promise<'done' | 'handOn'> {
    for (;;) {
      const { seen } = this.#wakes;
      const end = await driveLane(...drive);
      if (end === 'handOn' || !this.#looksAgain) return end;
      this.#open--;
      await this.#wakes.orWoken(seen, () => this.#open === 0);
      if (this.#open === 0) return 'done';
      this.#open++;
    }
  }

  /** Counts what the replay selects, and again after each wake-up. */
  async counting(count: () => Promise<void>): Promise<void> {
    while (this.#open > 0 && !this.#wakes.handOn) {
      const { seen } = this.#wakes;
      await count();
      if (!this.#looksAgain) return;
      await this.#wakes.orWoken(seen, () => this.#open === 0);
    }
  }
}
