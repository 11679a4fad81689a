import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { exits, Failure } from '../failure.ts';

/**
 * Runs processes of Reprise in this terminal until all of them have ended. A signal goes to each; when one ends by
 * itself, the others are ended, so that whoever watches this process hears of it.
 * @throws Failure when one ends otherwise than well
 */
export async function runProcesses(entries: readonly URL[]): Promise<void> {
  const children = entries.map(start);
  const end = (signal: NodeJS.Signals) => {
    for (const child of children) child.kill(signal);
  };
  const pass = (signal: NodeJS.Signals) => void process.on(signal, () => end(signal));
  pass('SIGINT');
  pass('SIGTERM');
  const codes = await Promise.all(
    children.map(async (child) => {
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      end('SIGTERM');
      return code ?? signal ?? 0;
    }),
  );
  const bad = codes.find((code) => code !== 0);
  if (bad !== undefined) throw new Failure(exits.error, `It ended with ${bad}.`);
}

/** With a channel, by which it hears when this process is killed (src/child-process.ts). */
function start(entry: URL): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, fileURLToPath(entry)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
}
