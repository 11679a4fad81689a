import { readCommandLineConfig, type CommandLineConfig } from '../config.ts';
import { findApi } from './address.ts';
import { ApiClient } from './client.ts';
import { exits, Failure } from './failure.ts';
import { confirmed } from './confirm.ts';
import { Output, type Stream } from './output.ts';

/** The options that every command has. */
export interface GlobalOptions {
  readonly apiUrl?: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
  readonly yes?: boolean;
  readonly input: boolean;
  readonly timeout?: number;
}

/** Where a command line reads and writes. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** What one command works with. */
export class Session {
  readonly out: Output;
  readonly config: CommandLineConfig;
  readonly options: GlobalOptions;
  readonly terminal: Terminal;
  readonly #over = new AbortController();
  #client: ApiClient | null = null;

  constructor(options: GlobalOptions, terminal: Terminal) {
    this.options = options;
    this.terminal = terminal;
    this.config = readCommandLineConfig();
    const { json = false, quiet = false, color } = options;
    this.out = new Output({ ...terminal, json, quiet, color, term: this.config.TERM });
  }

  /** Ends every call: the time of --timeout is over, or somebody has pressed Ctrl-C. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** The API. From here on Ctrl-C and --timeout end what is asked of it. @throws Failure when nothing says where it is */
  get api(): ApiClient {
    return (this.#client ??= this.#open());
  }

  /** Asks before something that cannot be taken back. @throws Failure when the answer is no, or nobody can be asked */
  async confirm(question: string): Promise<void> {
    if (this.options.yes === true) return;
    await confirmed(question, this.terminal, this.options.input, this.over);
  }

  #open(): ApiClient {
    const address = findApi(this.options, this.config);
    const end = (failure: Failure) => this.#over.abort(failure);
    process.once('SIGINT', () => end(new Failure(exits.interrupted, '')));
    const { timeout } = this.options;
    if (timeout !== undefined) {
      const late = () =>
        end(new Failure(exits.timeout, `It took longer than ${timeout / 1_000} s (--timeout).`));
      setTimeout(late, timeout).unref();
    }
    return new ApiClient(address, this.over);
  }
}
