import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/** A call of an SDK, with the fields of Segment's common and type's own ones. */
export interface Call {
  readonly type: 'identify' | 'track' | 'page' | 'screen' | 'group' | 'alias';
  readonly messageId?: string;
  readonly [field: string]: unknown;
}

/** What a client is told by `--input`. Source of the contract: the e2e-cli folders of Segment's SDK repositories. */
export interface ClientInput {
  readonly writeKey: string;
  readonly apiHost: string;
  readonly sequences: readonly { readonly delayMs: number; readonly events: readonly Call[] }[];
  /** `flushInterval` in milliseconds, `timeout` in seconds. */
  readonly config: {
    readonly flushAt: number;
    readonly flushInterval: number;
    readonly maxRetries: number;
    readonly timeout: number;
  };
}

const ClientOutput = z.looseObject({
  success: z.boolean(),
  sentBatches: z.number().default(0),
  error: z.string().optional(),
});
export type ClientOutput = z.infer<typeof ClientOutput>;

/** How long a client may take for one scenario before it is killed. */
const limitMs = 90_000;

/**
 * Runs a client's command once.
 * @param command program and arguments between spaces
 * @returns what it printed last as its result
 * @throws when it prints none
 */
export async function runClient(command: string, input: ClientInput): Promise<ClientOutput> {
  const [program = '', ...args] = command.split(' ').filter((part) => part !== '');
  const child = spawn(program, [...args, '--input', JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(limitMs),
    killSignal: 'SIGKILL',
  });
  const printed = Promise.all([text(child.stdout), text(child.stderr)]);
  await once(child, 'close');
  const [out, err] = await printed;
  const result = ClientOutput.safeParse(jsonIn(out));
  if (result.success) return result.data;
  throw new Error(`the client prints no result; its last words: ${(err || out).trim().slice(-500)}`);
}

/** The JSON object that a client's output ends with, whatever it says before. */
function jsonIn(printed: string): unknown {
  for (let at = printed.indexOf('{'); at >= 0; at = printed.indexOf('\n{', at) + 1 || -1) {
    try {
      return JSON.parse(printed.slice(at));
    } catch {
      // a line of its log
    }
  }
  return null;
}
