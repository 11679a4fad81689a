interface Item {
  readonly at: number;
  readonly run: () => void;
}

/** Virtual time: what is to happen, soonest first; what is due at one moment happens in the order it was put down. */
export class Agenda {
  now = 0;
  #items: Item[] = [];

  after(ms: number, run: () => void): void {
    const at = this.now + ms;
    let index = this.#items.length;
    // Kept latest first, so that the next one is taken from the end; equal moments keep their order.
    while (index > 0 && this.#items[index - 1]!.at <= at) index--;
    this.#items.splice(index, 0, { at, run });
  }

  /** Lets the next thing happen. @returns false when there is none */
  step(): boolean {
    const item = this.#items.pop();
    if (item === undefined) return false;
    this.now = item.at;
    item.run();
    return true;
  }
}
