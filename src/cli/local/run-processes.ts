import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { flagsOf } from '../../child-process.ts';
import { exits, Failure } from '../failure.ts';

/**
 * Runs processes of Reprise in this terminal until all of them have ended. A signal goes to each; when one ends by
 * itself, the others are ended, so that whoever watches this process hears of it.
 * @throws Failure when one ends otherwise than well; one that a signal ends while it still starts has ended well
 */
export async function runProcesses(entries: readonly URL[]): Promise<void> {
  const children = entries.map(start);
  let told = false;
  const end = (signal: NodeJS.Signals) => {
    for (const child of children) child.kill(signal);
  };
  const pass = (signal: NodeJS.Signals) =>
    void process.on(signal, () => {
      told = true;
      end(signal);
    });
  pass('SIGINT');
  pass('SIGTERM');
  const codes = await Promise.all(
    children.map(async (child) => {
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      const obeyed = told && (signal === 'SIGINT' || signal === 'SIGTERM');
      end('SIGTERM');
      return obeyed ? 0 : (code ?? signal ?? 0);
    }),
  );
  const bad = codes.find((code) => code !== 0);
  if (bad !== undefined) throw new Failure(exits.error, `It ended with ${bad}.`);
}

/** With a channel, by which it hears when this process is killed (src/child-process.ts). Flags given to this one win. */
function start(entry: URL): ChildProcess {
  const file = fileURLToPath(entry);
  return spawn(process.execPath, [...flagsOf(file), ...process.execArgv, file], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
}
