import { rejectionReasons } from '../../core/rejection.ts';
import { problemExamples } from '../problem-examples.ts';
import { problemDocument, problemKinds, type ProblemCode } from '../problem.ts';
import { refusals, type Refusal } from '../tracking/refusal.ts';
import { code, page, paragraph, preformatted, type Html } from './html.ts';
import { problemTexts } from './problem-texts.ts';
import { refusalRemedies } from './refusal-texts.ts';

interface Section {
  readonly code: string;
  readonly heading: string;
  readonly parts: readonly Html[];
}

const requestId = '5f8c7e52-3b5d-4f43-9f0a-0b9d8b1f2a31';

/** Everything that a code can mean: the same word may come from the admin API, the tracking API and beside an event. */
const sections: readonly Section[] = [
  ...entries(problemKinds).map(([name, [status, title]]) => ofProblem(name, status, title)),
  ...entries(refusals).map(([name, [status, message]]) => ofRefusal(name, status, message)),
  ...entries(rejectionReasons).map(([name, { message, remedy }]) => ({
    code: name,
    heading: 'Of a rejected event',
    parts: [
      paragraph(message),
      paragraph(`**What to do.** ${remedy}`),
      paragraph('`GET /api/rejected` lists such events, each with what came.'),
    ],
  })),
];

const byCode = Map.groupBy(sections, (section) => section.code);

/** Every code that an answer of ours, or an event that was not accepted, may have. */
const errorCodes: readonly string[] = [...byCode.keys()].toSorted();

/** The page of a code; null when there is no such code. */
export function errorPage(name: string): string | null {
  const found = byCode.get(name);
  if (found === undefined) return null;
  const parts = found.flatMap(({ heading, parts: own }) => [`<h2>${heading}</h2>` as Html, ...own]);
  return page(`Error ${name}`, [`<h1>${code(name)}</h1>` as Html, ...parts, backLink]);
}

/** The page that lists all of them. */
export function errorIndex(): string {
  const items = errorCodes.map((name) => {
    const of = byCode.get(name)!.map((section) => section.heading.toLowerCase());
    return `<li><a href="/docs/errors/${name}">${code(name)}</a> ${of.join(', ')}</li>`;
  });
  return page('Errors', ['<h1>Errors</h1>' as Html, `<ul>${items.join('\n')}</ul>` as Html]);
}

const backLink = '<p><a href="/docs/errors">All errors</a> · <a href="/docs">Reference</a></p>' as Html;

function ofProblem(name: ProblemCode, status: number, title: string): Section {
  const { when, remedy } = problemTexts[name];
  const example = problemDocument(problemExamples[name], requestId);
  return {
    code: name,
    heading: 'Of the admin API',
    parts: [
      paragraph(`**${status}.** ${title}.`),
      paragraph(`**When it comes.** ${when}`),
      paragraph(`**What to do.** ${remedy}`),
      preformatted(JSON.stringify(example, null, 2)),
    ],
  };
}

function ofRefusal(name: Refusal, status: number, message: string): Section {
  return {
    code: name,
    heading: 'Of the tracking API',
    parts: [
      paragraph(`**${status}.** ${message}`),
      paragraph(`**What to do.** ${refusalRemedies[name]}`),
      preformatted(JSON.stringify({ code: name, message }, null, 2)),
    ],
  };
}

function entries<Key extends string, Value>(table: Readonly<Record<Key, Value>>): [Key, Value][] {
  return Object.entries(table) as [Key, Value][];
}
