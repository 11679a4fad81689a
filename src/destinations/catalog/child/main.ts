import { Taken } from '../given.ts';
import { Outbox } from '../outbox.ts';
import { answerBytes, questionAnswerBytes } from '../plain-body.ts';
import type { Clues, FromChild, Job, ToChild } from '../protocol.ts';
import { ClientErrors } from './client-errors.ts';
import { ParentDials } from './dial.ts';
import { ParentFetch } from './fetch.ts';
import { perform } from './perform.ts';
import { closeNetwork, closeProcess } from './seal.ts';
import { UnawaitedRejections } from './unawaited.ts';

// The child of a delivery process that runs the catalog's code: whatever that code does, it does it to this process.

const send = closeProcess();
const outbox = new Outbox<FromChild>((messages) => send(messages, undefined, undefined, () => undefined));
const tell = (message: FromChild) => outbox.post(message);
const taken = new Taken();

closeNetwork();
const fetch = new ParentFetch(tell);
fetch.install();
const dials = new ParentDials(tell, () => fetch.job);
dials.install();
const unawaited = new UnawaitedRejections((told) => tell({ kind: 'unawaited', ...told }));
const clientErrors = new ClientErrors(() => fetch.job);

async function run({ id, account, work, tellsPayload, dials: mayDial }: Job): Promise<void> {
  const mapped = (payload: string) => tell({ kind: 'mapped', job: id, payload });
  if (mayDial === true) {
    clientErrors.watch();
    dials.begin(id);
  }
  const most = work.kind === 'question' ? questionAnswerBytes : answerBytes;
  const result = await fetch.run({ id, definition: account.folder, answerBytes: most }, () =>
    perform(account, work, { mapped: tellsPayload === true ? mapped : null, follow: () => fetch.follow() }),
  );
  const clues = mayDial === true ? cluesOf(id) : undefined;
  tell({ kind: 'done', job: id, result, ...(clues !== undefined && { clues }) });
}

const cluesOf = (id: number): Clues => ({
  fault: dials.end(id),
  client: clientErrors.take(id),
  secrets: clientErrors.takeSecrets(id),
});

const waiting: Job[] = [];

/** Batches that came together take turns of the event loop, in which pings are answered; single events are short. */
function begin(job: Job): void {
  if (waiting.length === 0 && job.work.kind !== 'batch') return void run(job);
  if (waiting.push(job) === 1) setImmediate(beginNext);
}

function beginNext(): void {
  void run(waiting.shift()!);
  if (waiting.length > 0) setImmediate(beginNext);
}

function hear(message: ToChild): void {
  if (message.kind === 'ping') tell({ kind: 'pong' });
  else if (message.kind === 'given') taken.take(message);
  else if (message.kind === 'job') begin(taken.jobOf(message.job));
  else if (message.kind === 'dialled' || message.kind === 'undialled') dials.settle(message);
  else fetch.settle(message);
}

process.on('message', (messages: readonly ToChild[]) => messages.forEach((message) => hear(message)));
// Code that ends this process takes nothing back of what other jobs have said.
process.on('exit', () => {
  unawaited.flush();
  outbox.flush();
});
tell({ kind: 'ready' });
outbox.flush(); // before any of its jobs can end this process
// A rejection that nobody awaits says nothing about a job that is under way; the parent tells who runs it.
process.on('unhandledRejection', (reason) => unawaited.note(fetch.definition ?? null, reason));
process.on('disconnect', () => process.exit(0));
// Who stops the parent stops it alone; it lets its children end with it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
