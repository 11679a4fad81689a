import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SinkMode, SinkState } from './ledger-sink.ts';
import { readLedger, type SinkLine } from './ledger.ts';

/** A running destination for tests. */
export interface Sink {
  /** Where events are sent. */
  readonly url: string;
  /** Replaces how it behaves. Resolves once it does so. */
  become(mode: SinkMode): Promise<SinkState>;
  state(): Promise<SinkState>;
  /** Every request that it has answered, in the order of the answers. */
  lines(): SinkLine[];
  stop(): Promise<void>;
}

/** Starts a sink that writes its ledger into a folder. @param name one of its own in that folder */
export async function startSink(folder: string, name = 'sink'): Promise<Sink> {
  const ledgerFile = join(folder, `${name}.ndjson`);
  closeSync(openSync(ledgerFile, 'a'));
  const program = fileURLToPath(new URL('ledger-sink.ts', import.meta.url));
  const child = spawn(process.execPath, [program, ledgerFile], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const [ready] = (await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => Promise.reject(new Error(`the sink does not start: exit code ${code}`))),
  ])) as [{ port: number; controlPort: number }];
  const ask = async (init: RequestInit): Promise<SinkState> => {
    const answer = await fetch(`http://127.0.0.1:${ready.controlPort}/`, init);
    return (await answer.json()) as SinkState;
  };
  return {
    url: `http://127.0.0.1:${ready.port}/events`,
    become: (mode) => ask({ method: 'PUT', body: JSON.stringify(mode) }),
    state: () => ask({}),
    lines: () => readLedger<SinkLine>(ledgerFile),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
