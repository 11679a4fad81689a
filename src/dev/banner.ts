import { dirname } from 'node:path';
import type { ArchiveSummary } from '../db/archive/summary.ts';

/** What the banner tells; all of it true at the moment it is printed. */
export interface BannerFacts {
  readonly version: string;
  readonly seconds: number;
  readonly apiPort: number;
  /** The port that was asked for, when another program has it. */
  readonly takenPort: number | null;
  readonly adminTokenFile: string | null;
  readonly writeKey: string | null;
  /** Those that processes tell their metrics on. */
  readonly metricsPorts: readonly number[];
  readonly temporalUi: string | null;
  readonly demoPort: number;
  readonly archive: ArchiveSummary;
  readonly logs: string;
  /** Without any, the banner shows how to connect the first one. */
  readonly hasDestinations: boolean;
}

/** The lines that end a start. */
export function banner(facts: BannerFacts): string {
  const home = `http://localhost:${facts.apiPort}`;
  const rows: [name: string, value: string, more: string][] = [
    ['Admin API', `${home}/api`, `token      ${facts.adminTokenFile ?? 'REPRISE_ADMIN_TOKEN'}`],
    [
      'Ingest',
      `${home}/v1`,
      `write key  ${facts.writeKey ?? 'none yet: npx reprise source create makes one'}`,
    ],
    ['Docs', `${home}/docs`, ''],
    ...metricsRow(facts, home),
    ['Temporal UI', facts.temporalUi ?? 'that of the server given by TEMPORAL_ADDRESS', ''],
    ['Demo CRM', `http://localhost:${facts.demoPort}`, 'a destination of your own, with a page to watch'],
    ['Archive', archiveLine(facts.archive), ''],
    ['Logs', facts.logs, 'Ctrl-C stops everything; the data stays'],
  ];
  const width = Math.max(...rows.filter(([, , more]) => more !== '').map(([, value]) => value.length)) + 3;
  return [
    '',
    `  Reprise ${facts.version}   ready in ${facts.seconds.toFixed(1)} s   (development mode, not for production)`,
    '',
    ...rows.map(([name, value, more]) => `  ${name.padEnd(13)}${value.padEnd(width)}${more}`.trimEnd()),
    ...(facts.takenPort === null
      ? []
      : ['', `  Port ${facts.takenPort} is taken by another program; this one took ${facts.apiPort}.`]),
    '',
    ...(facts.hasDestinations ? replays(facts) : firstReplay(facts)),
    ...ownEvent(facts, home),
    '',
  ].join('\n');
}

/** Only where somebody has asked for it. */
function metricsRow({ metricsPorts }: BannerFacts, home: string): [string, string, string][] {
  if (metricsPorts.length === 0) return [];
  const ports = metricsPorts.toSorted((left, right) => left - right).join(', ');
  return [['Metrics', `${home}/metrics`, `without a token on ports ${ports}`]];
}

function archiveLine({ events, more, from, to }: ArchiveSummary): string {
  const count = `${more ? 'more than ' : ''}${events.toLocaleString('en')} event${events === 1 ? '' : 's'}`;
  return from === null || to === null ? count : `${count} · ${day(from)} – ${day(to)}`;
}

function day(date: Date): string {
  return date.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: 'UTC',
  });
}

/** Lines to paste into a shell in this folder: they connect the demo destination and send it all that the archive holds. */
function firstReplay(facts: BannerFacts): string[] {
  return [
    '  Try: connect the demo destination, then send it all that happened before it was there',
    '',
    `    ${reprise(facts)} destination create "Demo CRM" --url http://localhost:${facts.demoPort}/events`,
    `    ${reprise(facts)} replay create --destination demo-crm --watch`,
  ];
}

function replays(facts: BannerFacts): string[] {
  return ['  Your replays:', '', `    ${reprise(facts)} replay list`];
}

/** What one of your own services would send. */
function ownEvent({ writeKey }: BannerFacts, home: string): string[] {
  if (writeKey === null) return [];
  const body = `-H 'Content-Type: application/json' -d '{"event":"Hello","userId":"me"}'`;
  return ['', '  An event of your own:', '', `    curl ${home}/v1/track -u ${writeKey}: ${body}`];
}

/** The command line finds address and token in the folder that it is told, so neither comes into the scrollback. */
function reprise({ logs }: BannerFacts): string {
  const folder = dirname(logs);
  return folder === '.reprise' ? 'npx reprise' : `REPRISE_DATA_DIR='${folder}' npx reprise`;
}
