import type { ReplayProfile } from '../replay-profile.ts';
import type { CatalogDocument } from './document.ts';
import { durationText } from './duration-text.ts';
import { catalogSummaries, readCatalogDocument } from './read.ts';

/** The pages of docs/destinations: one with all types, and one for each whose profile was written down. */
export function destinationPages(): ReadonlyMap<string, string> {
  const documents = catalogSummaries().map(({ type }) => readCatalogDocument(type)!);
  const profiled = documents.filter(({ replay }) => replay.profile !== null);
  return new Map([
    ['README.md', overview(documents)],
    ...profiled.map((document) => [`${document.type}.md`, page(document)] as const),
  ]);
}

const generated = 'Made by `npm run docs:destinations`.';

function overview(documents: readonly CatalogDocument[]): string {
  const rows = documents.map(({ type, title, category, authentication, actions, replay, obstacle }) => {
    const name = replay.profile === null ? title : `[${title}](${type}.md)`;
    const batching = actions.some(({ batch }) => batch !== null) ? 'yes' : 'no';
    const cells = [name, `\`${type}\``, category ?? '', authentication.scheme, batching, replay.readiness];
    return `| ${cells.join(' | ')} |${obstacle === null ? '' : ' '}`.trimEnd();
  });
  const never = documents
    .filter(({ obstacle }) => obstacle !== null)
    .map(({ type, obstacle }) => `- \`${type}\`: ${obstacle}`);
  return `${[
    '# The catalog',
    generated,
    '',
    `${documents.length} destination types: our own, and the definitions of \`@segment/action-destinations\`. Those with a link have a page on what a replay does there, each figure with its source; of all others it is computed from the definition, and \`GET /api/catalog/{type}\` says it.`,
    '',
    '**Replay**: `ready`: events of any age keep their time and are known again. `careful`: it can reach people, set things off or take something away. `limited`: all else.',
    '',
    'These cannot be connected:',
    ...never,
    '',
    '| destination | type | category | credentials | batches | replay |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')}\n`;
}

function page({ type, title, replay }: CatalogDocument): string {
  const { profile, explanation, readiness } = replay;
  return `${[
    `# ${title}`,
    `Type \`${type}\`, replay: ${readiness}. ${generated}`,
    '',
    '## What a replay can and cannot do',
    ...explanation.map((text) => `- ${text}`),
    '',
    '## Figures and where they come from',
    '| what | figure | source |',
    '|---|---|---|',
    ...(profile === null ? [] : figures(profile)),
  ].join('\n')}\n`;
}

interface Said {
  readonly value: unknown;
  readonly source: string;
  readonly confirmed: boolean;
  readonly note?: string | undefined;
}

function figures(profile: ReplayProfile): string[] {
  const single = Object.entries(names).map(
    ([name, what]) => [what, profile[name as keyof ReplayProfile]] as const,
  );
  const listed = [
    ...profile.overlays.map((one) => ['sent otherwise in a replay', one] as const),
    ...profile.sideEffects.map((one) => ['side effect', one] as const),
    ...profile.unconfirmed.map((one) => ['success tells nothing', one] as const),
    ...profile.remarks.map((one) => ['remark', one] as const),
  ];
  return [...single, ...listed].flatMap(([what, said]) =>
    said === undefined ? [] : [row(what, said as Said)],
  );
}

const names = {
  maxAgeSeconds: 'oldest event',
  anyAge: 'any age',
  earliest: 'earliest time',
  maxFutureSeconds: 'furthest in the future',
  tooOld: 'what is older',
  dedupe: 'known again by',
  batch: 'most in a request',
  eventBytes: 'largest event',
  rate: 'rate',
  partialFailure: 'when one event is bad',
  confirmable: 'success can be confirmed',
  identity: 'who it must know',
  state: 'identify and group',
} as const;

function row(what: string, { value, source, confirmed, note }: Said): string {
  const shown =
    what.startsWith('oldest') || what.startsWith('furthest') ? durationText(Number(value)) : textOf(value);
  const doubt = confirmed ? '' : ' (not confirmed)';
  return `| ${what} | ${cell(`${shown}${note === undefined ? '' : `. ${note}`}`)} | ${cell(source)}${doubt} |`;
}

function textOf(value: unknown): string {
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return members.map(([name, member]) => `${name} ${memberText(name, member)}`).join(', ');
}

function memberText(name: string, member: unknown): string {
  if (name.endsWith('Seconds') && typeof member === 'number') return durationText(member);
  if (member === null) return 'none';
  return typeof member === 'string'
    ? member
    : typeof member === 'object'
      ? `\`${JSON.stringify(member)}\``
      : JSON.stringify(member);
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
