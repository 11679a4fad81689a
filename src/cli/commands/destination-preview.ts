import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { texts, words } from '../arguments.ts';
import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import { readJson } from '../json-text.ts';
import { given } from '../given.ts';
import { named } from '../names.ts';
import type { Session } from '../session.ts';
import type { Destination, Preview } from '../shapes.ts';
import { plain } from '../texts.ts';

interface PreviewOptions {
  readonly event?: string;
  readonly eventId?: readonly string[];
  readonly action?: readonly string[];
  readonly replay?: boolean;
}

/** Showing what a destination would be sent. */
export const previewCommand: Register = (destination, on) => {
  withExamples(
    destination
      .command('preview <destination>')
      .description('show what it would be sent of events, and send nothing')
      .option('--event <file>', 'a file with one event as JSON')
      .addOption(
        new Option(
          '--event-id <event>',
          'an archived event, by position or messageId; may be repeated',
        ).argParser(words),
      )
      .addOption(
        new Option('--action <action>', 'only this action (name or id); may be repeated').argParser(texts),
      )
      .option('--replay', 'as a replay would send it')
      .action(on(preview)),
    ['reprise destination preview demo-crm --event-id 182340', 'The requests, with secrets hidden'],
    [
      'reprise destination preview demo-crm --event order.json --json | jq .data[].deliveries[].payload',
      'What the mappings make of an event of your own',
    ],
  );
};

async function preview(
  session: Session,
  { event: file, eventId: eventIds, action: actions, replay }: PreviewOptions,
  [name = '']: readonly string[],
): Promise<void> {
  if ((file === undefined) === (eventIds === undefined))
    throw new Failure(exits.usage, 'Say which events: --event <file>, or --event-id <event>.');
  const { id } = await named<Destination>(session.api, 'destination', name);
  const event = file === undefined ? undefined : await eventIn(file);
  const body = given({ eventIds, actions, event, replay });
  const made = await session.api.json<Preview>(`/api/destinations/${id}/preview`, {
    method: 'POST',
    body,
    deadlineMs: 120_000,
  });
  if (session.out.json) return session.out.document(made);
  session.out.data(made.data.flatMap(linesOf).join('\n'));
}

async function eventIn(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const exit = error.code === 'ENOENT' ? exits.notFound : exits.error;
    throw new Failure(exit, `${file} cannot be read: ${error.message}`);
  });
  const read = readJson(text);
  if (read.kind !== 'value') throw new Failure(exits.usage, `${file} ${read.fault}.`);
  return read.value;
}

type Shown = Preview['data'][number];

function linesOf({ position, messageId, type, name, deliveries }: Shown): string[] {
  const what = `${type}${name === null ? '' : ` "${plain(name)}"`}`;
  const title = `${what}  ${position === null ? plain(messageId) : `position ${position}`}`;
  return [title, ...deliveries.flatMap(deliveryLines)];
}

function deliveryLines({
  actionName,
  sends,
  heldBackBy,
  requests,
  connections,
  complete,
  problem,
}: Shown['deliveries'][number]) {
  if (!sends) return [`  ${plain(actionName)}: not sent, by its ${heldBackBy.join(', ')}`];
  const said = problem === null ? [] : [`    ${problem.code}: ${plain(problem.message)}`];
  const none = requests.length === 0 && problem === null ? ['    It would send nothing.'] : [];
  const more =
    complete || problem !== null ? [] : ['    There may be more: what follows depends on the answer.'];
  const dialled = connections.map((address) => `    A connection to ${plain(address)}`);
  return [`  ${plain(actionName)}`, ...requests.flatMap(requestLines), ...dialled, ...none, ...said, ...more];
}

function requestLines({
  method,
  url,
  headers,
  body,
  refused,
}: Shown['deliveries'][number]['requests'][number]) {
  const head = Object.entries(headers).map(([name, value]) => `      ${name}: ${plain(value)}`);
  const content =
    body === null ? [] : [`      ${plain(body.text ?? body.base64 ?? '')}${body.cut ? '…' : ''}`];
  const warning = refused === null ? [] : [`      This address may not be dialled: ${plain(refused)}`];
  return [`    ${method} ${plain(url)}`, ...head, ...content, ...warning];
}
