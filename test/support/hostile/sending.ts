import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Outcome } from '../../../src/core/outcome.ts';
import { nodeFlags } from '../../../src/child-process.ts';
import type { Suffering } from './destinations.ts';

/** What a sending process is asked for. */
export type Asked =
  | { readonly kind: 'divert'; readonly cert: string; readonly ports: readonly [number, number][] }
  | { readonly kind: 'open'; readonly name: string; readonly destination: Suffering }
  | { readonly kind: 'send'; readonly name: string; readonly user: string }
  | { readonly kind: 'keepSending'; readonly name: string; readonly atOnce: number }
  | { readonly kind: 'halt'; readonly name: string }
  | { readonly kind: 'close'; readonly name: string }
  | { readonly kind: 'memory' };

export interface Told {
  readonly outcomes: readonly Outcome[];
  readonly tookMs: number;
}

/** What became of a sender that was kept sending. */
export interface Kept {
  readonly sent: number;
  /** How many deliveries ended so, by kind of outcome. */
  readonly ended: ReadonlyMap<string, number>;
  readonly tookMs: number;
}

/** Resident, after garbage was collected in the process itself. */
export interface Memory {
  /** Megabytes that objects and their buffers take. */
  readonly held: number;
  readonly megabytes: number;
  readonly children: readonly { readonly pid: number; readonly megabytes: number }[];
}

/** A process that sends through senders of the product. Everything rejects once it has ended. */
export interface Sending {
  divert(cert: string, ports: readonly [number, number][]): Promise<unknown>;
  open(name: string, destination: Suffering): Promise<unknown>;
  /** An event of a user. */
  send(name: string, user: string): Promise<Told>;
  /** Sends events of ever new users, so many at a time, until it is halted. */
  keepSending(name: string, atOnce: number): Promise<unknown>;
  halt(name: string): Promise<Kept>;
  close(name: string): Promise<unknown>;
  memory(): Promise<Memory>;
  /** @returns all that it has printed */
  end(): Promise<string>;
}

export async function startSending(): Promise<Sending> {
  const child = fork(new URL('sender-process.ts', import.meta.url), {
    execArgv: [...nodeFlags, '--expose-gc'],
    serialization: 'advanced',
    silent: true,
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let isOver = false;
  const exited = once(child, 'exit');
  child.on('exit', (code, signal) => {
    isOver = true;
    for (const one of waiting.values()) one.reject(new Error(`it ended (${code ?? signal}):\n${printed}`));
  });
  await once(child, 'message');
  child.on('message', ({ id, answer }: { id: number; answer: unknown }) => {
    waiting.get(id)?.resolve(answer);
    waiting.delete(id);
  });
  let last = 0;
  const ask = async (asked: Asked): Promise<unknown> => {
    if (isOver) throw new Error(`it has ended:\n${printed}`);
    const answer = Promise.withResolvers<unknown>();
    waiting.set(++last, answer);
    child.send({ id: last, asked });
    return await answer.promise;
  };
  return {
    divert: (cert, ports) => ask({ kind: 'divert', cert, ports }),
    open: (name, destination) => ask({ kind: 'open', name, destination }),
    send: async (name, user) => (await ask({ kind: 'send', name, user })) as Told,
    keepSending: (name, atOnce) => ask({ kind: 'keepSending', name, atOnce }),
    halt: async (name) => (await ask({ kind: 'halt', name })) as Kept,
    close: (name) => ask({ kind: 'close', name }),
    memory: async () => (await ask({ kind: 'memory' })) as Memory,
    end: async () => {
      if (child.connected) child.disconnect();
      await exited;
      return printed;
    },
  };
}
