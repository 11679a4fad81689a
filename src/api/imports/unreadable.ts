/** A file that cannot be read, or not any further. */
export class UnreadableFile extends Error {
  readonly line: number;

  /** @param line where, from 1 @param detail what is wrong and what helps, for people */
  constructor(line: number, detail: string) {
    super(detail);
    this.line = line;
  }
}
