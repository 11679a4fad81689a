import { z } from 'zod';
import { getReplay } from '../../db/replays.ts';
import type { ApiDeps } from '../deps.ts';
import { csvOf } from '../replay-report/csv.ts';
import { formatOf, formats, type Format } from '../replay-report/format.ts';
import { gatherReport } from '../replay-report/gather.ts';
import { markdownOf } from '../replay-report/markdown.ts';
import { nothingHere, route, type Answer, type Route } from '../route.ts';
import { IdPath } from '../schemas/fields.ts';
import { reportExample, ReplayReport, type ShownReport } from '../schemas/replay-report.ts';
import { tag } from './replays.ts';

/** What became of a replay, for whoever asks later. */
export function replayReportRoutes(deps: ApiDeps): Route[] {
  return [
    route(
      {
        operationId: 'getReplayReport',
        method: 'get',
        path: '/api/replays/{id}/report',
        tag,
        summary: 'Report on a replay',
        description:
          'What was asked, by whom, what was done to it, where every event ended and why, what was given up on with an example and what helps, and how it went over time. Also while it runs: then `final` is false. As JSON, as CSV with a fact in each row, or as Markdown to be pasted into a ticket.',
        params: IdPath,
        query: z.strictObject({
          format: z.exactOptional(z.enum(formats)).meta({
            description: 'Absent: what the Accept header likes best.',
            example: 'markdown',
          }),
        }),
        answers: {
          200: {
            description: 'The report.',
            schema: ReplayReport,
            example: reportExample,
            alsoAs: { 'text/csv': csvOf(reportExample), 'text/markdown': markdownOf(reportExample) },
          },
        },
        problems: ['not_found'],
      },
      async ({ params, query, path, headers }) => {
        const run = await getReplay(deps.db, params.id);
        if (run === null) return nothingHere(path);
        return answerAs(query.format ?? formatOf(headers.accept), await gatherReport(deps, run));
      },
    ),
  ];
}

function answerAs(format: Format, report: ShownReport): Answer {
  const vary = { vary: 'Accept' };
  if (format === 'json') return { status: 200, body: report, headers: vary };
  const isCsv = format === 'csv';
  const type = isCsv ? 'text/csv; charset=utf-8; header=present' : 'text/markdown; charset=utf-8';
  const file = `replay-${report.replay.id}.${isCsv ? 'csv' : 'md'}`;
  return {
    status: 200,
    headers: {
      ...vary,
      'content-type': type,
      'content-disposition': `${isCsv ? 'attachment' : 'inline'}; filename="${file}"`,
    },
    text: isCsv ? csvOf(report) : markdownOf(report),
  };
}
