import { styleText } from 'node:util';

/** A stream to write to, as far as it matters here. */
export type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export interface OutputOptions {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
  /** What TERM says; on `dumb` nothing is drawn over. */
  readonly term: string | undefined;
}

/** Where a command writes: what was asked for goes to stdout, everything about it to stderr. */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** A line can be drawn over: stderr is a terminal. */
  readonly live: boolean;
  readonly #options: OutputOptions;
  #drawn = false;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.json = options.json;
    this.quiet = options.quiet;
    this.live = options.stderr.isTTY === true && options.term !== 'dumb' && !options.quiet && !options.json;
  }

  // A terminal that does not know its size says 0.
  /** How wide what goes to stdout may be. */
  get width(): number {
    return this.#options.stdout.isTTY === true ? this.#options.stdout.columns || 80 : Infinity;
  }

  /** How wide a line that is drawn over may be: in the last column some terminals wrap. */
  get liveWidth(): number {
    return (this.#options.stderr.columns || 80) - 1;
  }

  /** What was asked for. */
  data(text: string): void {
    this.erase();
    this.#options.stdout.write(`${text}\n`);
  }

  /** One document of JSON on a line. */
  document(value: unknown): void {
    this.data(JSON.stringify(value));
  }

  /** What goes on, and what could be done next. Not with --quiet. */
  say(text: string): void {
    if (!this.quiet) this.#tell(text);
  }

  /** What somebody has to know, also with --quiet. */
  warn(text: string): void {
    this.#tell(`${this.paint('yellow', '!')} ${text}`);
  }

  error(text: string): void {
    this.#tell(text);
  }

  /** Draws the one line that changes in place. */
  draw(line: string): void {
    if (!this.live) return;
    this.#options.stderr.write(`\r\u001B[2K${line}`);
    this.#drawn = true;
  }

  /** Takes that line away again. */
  erase(): void {
    if (this.#drawn) this.#options.stderr.write('\r\u001B[2K');
    this.#drawn = false;
  }

  /** In colour where the stream shows colours, and nobody has said otherwise (NO_COLOR, --no-color). */
  paint(style: Style, text: string, stream: 'stdout' | 'stderr' = 'stderr'): string {
    if (!this.#options.color) return text;
    return styleText(style, text, { stream: this.#options[stream] });
  }

  #tell(text: string): void {
    this.erase();
    this.#options.stderr.write(`${text}\n`);
  }
}
