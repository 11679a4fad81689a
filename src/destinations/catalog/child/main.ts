import type { FromChild, ToChild } from '../protocol.ts';
import { ParentFetch } from './fetch.ts';
import { perform } from './perform.ts';
import { closeNetwork } from './seal.ts';

// The child of a delivery process that runs the catalog's code: whatever that code does, it does it to this process.

const tell = (message: FromChild) => process.send?.(message, undefined, undefined, () => undefined);

closeNetwork();
const fetch = new ParentFetch(tell);
fetch.install();

process.on('message', (message: ToChild) => {
  if (message.kind === 'ping') tell({ kind: 'pong' });
  else if (message.kind === 'job') {
    const { id, account, work, tellsPayload } = message.job;
    const mapped = (payload: string) => tell({ kind: 'mapped', job: id, payload });
    void fetch
      .run(id, () => perform(account, work, tellsPayload === true ? mapped : null))
      .then((result) => tell({ kind: 'done', job: id, result }));
  } else fetch.settle(message);
});
tell({ kind: 'ready' });
// A rejection that nobody awaits says nothing about a job that is under way.
process.on('unhandledRejection', () => undefined);
process.on('disconnect', () => process.exit(0));
// Who stops the parent stops it alone; it lets its children end with it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
