import { Option } from 'commander';
import { withExamples, type Register } from '../command.ts';
import { part, progressLine } from '../replay-progress.ts';
import { mostNamed, named } from '../names.ts';
import type { Session } from '../session.ts';
import type { ArchivedEvent, Destination, Page, Replay, Source } from '../shapes.ts';
import { facts } from '../table.ts';
import { count, moment, plain } from '../texts.ts';
import { streamOf } from './destination.ts';

/** As many destinations and replays are shown. */
const shown = 20;

interface Deployment {
  readonly version: string;
  readonly region: string | null;
}

interface Readiness {
  readonly status: string;
  readonly postgres: string;
  readonly temporal: string;
  readonly schema: string;
}

interface Process {
  readonly role: string;
  readonly host: string;
  readonly version: string;
}

/** Where Reprise is and how it stands: what the banner of `npm start` says, and what runs. */
export const statusCommand: Register = (parent, on) => {
  withExamples(
    parent
      .command('status')
      .description('where everything is, what runs, how far streams lie behind, how replays stand')
      .addOption(new Option('-o, --output <format>', 'for a script').choices(['env', 'json']))
      .option('--source <source>', 'name or id of the source whose write key is shown; else of the oldest')
      .action(on(status)),
    ['reprise status', 'For people'],
    ['eval "$(reprise status -o env)"', 'Address, token and write key as variables of this shell'],
    ['eval "$(reprise status -o env --source "Web shop")"', 'With the write key of this source'],
  );
};

interface StatusOptions {
  readonly output?: 'env' | 'json';
  readonly source?: string;
}

async function status(session: Session, { output, source: asked }: StatusOptions): Promise<void> {
  const { api, out } = session;
  const page = <T>(path: string, query = {}) =>
    api.json<Page<T>>(path, { query: { limit: shown, ...query } });
  const [deployment, ready, events, source, destinations, replays, processes] = await Promise.all([
    api.json<Deployment>('/api/deployment'),
    api.json<Readiness>('/readyz', { accepts: 503 }),
    page<ArchivedEvent>('/api/events', { limit: 1 }),
    sourceShown(session, asked),
    page<Destination>('/api/destinations'),
    page<Replay>('/api/replays', { open: 'true' }),
    api.json<{ data: readonly Process[] }>('/api/processes'),
  ]);
  const { url, from } = api.address;
  const standing = {
    apiUrl: url,
    ingestUrl: `${url}/v1`,
    docsUrl: `${url}/docs`,
    temporalUrl: temporalUi([...destinations.data, ...replays.data]),
    ...deployment,
    ...ready,
    writeKey: source?.writeKey ?? null,
    source: source === null ? null : { id: source.id, name: source.name },
    newestEvent: events.data[0] ?? null,
    destinations: destinations.data,
    replays: replays.data,
    processes: processes.data,
  };
  if (output === 'env') return out.data(asEnvironment(standing, api.address.token));
  if (output === 'json' || out.json) return out.document(standing);
  out.data(facts(factsOf(standing, from), out.width));
  for (const one of destinations.data)
    out.data(
      `  ${out.paint('bold', plain(one.name), 'stdout')}  ${streamOf(one)}${lagOf(one, standing.newestEvent)}`,
    );
  if (replays.data.length > 0) out.data('');
  for (const one of replays.data)
    out.data(`  ${progressLine(one, Math.min(out.width, 200) - 2, part(one) > 0)}`);
  const [first] = destinations.data;
  if (first === undefined) out.say('Next: reprise destination create <name> --url <url>');
  else if (replays.data.length === 0)
    out.say(`Next: reprise replay create --destination ${first.id} --last 30d --watch`);
}

/** Whose write key is shown: the oldest source with one, so that it stays the same when another source is made. */
async function sourceShown({ api }: Session, asked: string | undefined): Promise<Source | null> {
  if (asked !== undefined) return await named<Source>(api, 'source', asked);
  let oldest: Source | null = null;
  for await (const one of api.list<Source>('/api/sources', {}, mostNamed)) {
    if (one.writeKey !== null) oldest = one; // newest first
  }
  return oldest;
}

interface Standing extends Readiness, Deployment {
  readonly apiUrl: string;
  readonly ingestUrl: string;
  readonly docsUrl: string;
  readonly temporalUrl: string | null;
  readonly writeKey: string | null;
  /** The one that has the write key. */
  readonly source: { readonly id: string; readonly name: string } | null;
  readonly newestEvent: ArchivedEvent | null;
  readonly destinations: readonly Destination[];
  readonly replays: readonly Replay[];
  readonly processes: readonly Process[];
}

/** How far a stream's cursor lies behind the archive. */
function lagOf({ stream }: Destination, newest: ArchivedEvent | null): string {
  const cursor = stream?.cursor.position;
  if (cursor === undefined || newest === null) return '';
  return cursor >= newest.position ? '  up to date' : `  ${count(newest.position - cursor)} positions behind`;
}

/** `1 api, 2 delivery (0.1.0)`: what runs, and of which versions. */
function processLine(processes: readonly Process[]): string {
  const roles = ['api', 'orchestration', 'delivery'];
  const versions = [...new Set(processes.map(({ version }) => version))];
  const hosts = new Set(processes.map(({ host }) => host)).size;
  const numbers = roles.map((role) => `${processes.filter((one) => one.role === role).length} ${role}`);
  return `${numbers.join(', ')}${hosts > 1 ? ` on ${hosts} hosts` : ''} (${versions.join(', ')})`;
}

const schemaTexts: Readonly<Record<string, string>> = {
  current: 'current',
  behind: 'behind: reprise migrate',
  ahead: 'ahead: a newer version has migrated it',
};

function factsOf(standing: Standing, from: string): [string, string][] {
  const { newestEvent: newest, temporalUrl } = standing;
  const archive =
    newest === null
      ? 'empty'
      : `up to position ${count(newest.position)}, received ${moment(newest.receivedAt)}`;
  return [
    [
      'Status',
      standing.status + (standing.temporal === 'ok' ? '' : ' (Temporal is away: nothing is delivered)'),
    ],
    ['Admin API', `${standing.apiUrl}/api   (from ${from})`],
    ['Ingest', `${standing.ingestUrl}   ${writeKeyText(standing)}`],
    ['Docs', standing.docsUrl],
    ['Version', standing.version],
    ['Region', standing.region ?? 'not stated (REPRISE_REGION)'],
    ...(temporalUrl === null ? [] : [['Temporal UI', temporalUrl] satisfies [string, string]]),
    ['Archive', archive],
    ['Processes', processLine(standing.processes)],
    ['Schema', schemaTexts[standing.schema] ?? 'unknown'],
    [
      'Streams',
      standing.destinations.length === 0
        ? 'no destination is connected'
        : count(standing.destinations.length),
    ],
    ['Replays', standing.replays.length === 0 ? 'none is open' : `${count(standing.replays.length)} open`],
  ];
}

function writeKeyText({ writeKey, source }: Standing): string {
  if (source === null) return 'write key none yet: reprise source create';
  return `write key ${writeKey ?? 'none that is accepted'} of the source "${plain(source.name)}"`;
}

/** Where Temporal's UI is, as the address of any workflow tells. */
function temporalUi(workflows: readonly (Destination | Replay)[]): string | null {
  const urls = workflows.map((one) =>
    'workflow' in one ? one.workflow.url : (one.stream?.workflow.url ?? null),
  );
  const url = urls.find((each) => each !== null);
  return url === undefined || url === null ? null : url.replace(/\/namespaces\/.*$/, '');
}

function asEnvironment(standing: Standing, token: string | null): string {
  const variables: [string, string | null][] = [
    ['REPRISE_API_URL', standing.apiUrl],
    ['REPRISE_INGEST_URL', standing.ingestUrl],
    ['REPRISE_TOKEN', token],
    ['REPRISE_WRITE_KEY', standing.writeKey],
    ['REPRISE_SOURCE', standing.source?.name ?? null],
  ];
  const quoted = (value: string) => `'${value.replaceAll("'", String.raw`'\''`)}'`;
  return variables
    .flatMap(([name, value]) => (value === null ? [] : [`${name}=${quoted(value)}`]))
    .join('\n');
}
