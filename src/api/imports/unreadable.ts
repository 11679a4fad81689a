/** A file that cannot be read, or not any further. */
export class UnreadableFile extends Error {
  readonly line: number;

  /** @param line where, from 1 @param detail what is wrong and what helps, for people */
  constructor(line: number, detail: string) {
    super(detail);
    this.line = line;
  }
}

/** Whether zlib refuses what it is given. */
export function isGzipFault(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.startsWith('Z_');
}
