/** How a command ends, as scripts see it; docs/cli.md has the table. */
export const exits = {
  ok: 0,
  error: 1,
  usage: 2,
  notFound: 3,
  auth: 4,
  conflict: 5,
  unreachable: 6,
  failedEvents: 7,
  cancelled: 8,
  timeout: 124,
  interrupted: 130,
} as const;
export type Exit = (typeof exits)[keyof typeof exits];

/** What each exit code tells, for the reference. */
export const exitTexts: Readonly<Record<keyof typeof exits, string>> = {
  ok: 'It is done.',
  error: 'Something went wrong; what, stands on stderr.',
  usage: 'The command line, or what it asks for, cannot be used.',
  notFound: 'There is no such thing.',
  auth: 'No token, or one that may not do this.',
  conflict: 'It cannot be done in the state in which things are, such as a replay that has ended.',
  unreachable:
    'The API cannot be reached, or cannot answer for the moment; or what answers at its address is not Reprise.',
  failedEvents: 'The replay has ended, and some of its events failed.',
  cancelled: 'The replay was cancelled.',
  timeout: 'The time of `--timeout` was over.',
  interrupted: 'Ctrl-C. A replay that was watched goes on.',
};

/** The end of a command that could not do what it was asked: what is said of it, and its exit code. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exit: Exit;
  /** What the person can do next; lines of their own below the message. */
  readonly hints: readonly string[];

  constructor(exit: Exit, message: string, hints: readonly string[] = []) {
    super(message);
    this.exit = exit;
    this.hints = hints;
  }
}
