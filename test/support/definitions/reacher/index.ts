import os from 'node:os';
import { kill } from 'node:process';
import { DatabaseSync } from 'node:sqlite';

// A definition that reaches for other processes, as code does that was written for a process of its own.
interface Payload {
  readonly how: string;
  readonly file: string;
}

const ways: Readonly<Record<string, (payload: Payload) => unknown>> = {
  'process.kill': () => process.kill(process.ppid, 'SIGCONT'),
  'an imported kill': () => kill(process.ppid, 'SIGCONT'),
  'process.abort': () => process.abort(),
  'process._kill': () => (Reflect.get(process, '_kill') as typeof kill)(process.ppid, 18),
  'os.setPriority': () => os.setPriority(process.ppid, os.getPriority(process.ppid)),
  'a database of its own': ({ file }) => new DatabaseSync(file),
  'process.send': () => process.send?.('ready'),
};

export default {
  name: 'Reacher',
  slug: 'reacher',
  mode: 'cloud',
  actions: {
    reach: {
      title: 'Reach',
      fields: { how: { label: 'How', type: 'string' }, file: { label: 'File', type: 'string' } },
      perform: (_: unknown, { payload }: { readonly payload: Payload }) => {
        throw new Error(`It came back with ${String(ways[payload.how]!(payload))}.`);
      },
    },
  },
};
