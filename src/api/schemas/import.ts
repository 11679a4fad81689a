import { z } from 'zod';
import { eventTypes } from '../../core/event.ts';
import { rejectionReasons, type RejectionCode } from '../../core/rejection.ts';
import { storableText } from '../../core/storable-text.ts';
import type { ImportError, ImportRecord } from '../../db/imports/records.ts';
import { Id, Name, Time } from './fields.ts';

const formats = ['ndjson', 'csv'] as const;
const MapEntry = storableText(300);

export const ImportQuery = z.strictObject({
  sourceId: Id.meta({ description: 'The source that the events are archived for.' }),
  name: z.exactOptional(Name).meta({
    description: 'What people know the file by.',
    example: 'orders-2024.ndjson.gz',
  }),
  format: z
    .exactOptional(z.enum(formats))
    .meta({ description: 'Told by the file unless given: NDJSON begins with a brace.' }),
  type: z.exactOptional(z.enum(eventTypes)).meta({
    description:
      'CSV: the type of all rows, for files without a column `type`. Columns that are no fields are then traits (identify, group) or properties.',
    example: 'identify',
  }),
  map: z
    .union([MapEntry, z.array(MapEntry).max(500)])
    .transform((entries) => (typeof entries === 'string' ? [entries] : entries))
    .default([])
    .meta({
      description:
        'CSV: where a column goes, as `column:place` or `column:place:kind`, repeated. Places are fields (`userId`, `timestamp`, …) and paths (`traits.email`, `properties.total`), `-` leaves the column out; kinds are text (unless given), number, boolean and json.',
      example: ['Total:properties.total:number'],
    }),
});

const ImportFault = z
  .object({
    line: z.int(),
    code: z.string().meta({ description: 'Why it was not accepted.' }),
    message: z.string(),
    remedy: z.string().meta({ description: 'What to do about it.' }),
    raw: z.string().meta({ description: 'Its first 1,024 bytes; what is not UTF-8 stands as U+FFFD.' }),
  })
  .meta({ id: 'ImportFault' });

const fields = {
  id: Id,
  sourceId: Id,
  name: z.string().nullable(),
  format: z.enum(formats),
  type: z.enum(eventTypes).nullable(),
  map: z.array(z.string()),
  status: z.enum(['running', 'interrupted', 'completed', 'failed']).meta({
    description:
      'interrupted: nobody sends it any more; failed: its file cannot be read on. Both go on when the file is sent again.',
  }),
  failure: z
    .object({ line: z.int(), detail: z.string() })
    .nullable()
    .meta({ description: 'Why the file cannot be read on, and where.' }),
  bytes: z.int().meta({ description: 'Of the inflated file, up to the last row that is committed.' }),
  lines: z.int().meta({ description: 'Lines up to there.' }),
  appended: z.int().meta({ description: 'Events that are new in the archive.' }),
  duplicates: z.int().meta({ description: 'Events that the archive had already.' }),
  rejected: z
    .int()
    .meta({ description: 'Rows that were not accepted; all are listed by `GET /api/rejected`.' }),
  streamsBehind: z.array(Id).meta({
    description:
      'Destinations whose stream has not passed the last event yet: a replay that is started now ends before it. Empty: everything can be replayed.',
  }),
  startedAt: Time,
  updatedAt: Time,
  endedAt: Time.nullable(),
};

export const Import = z.object(fields).meta({ id: 'Import' });
export const ImportWithErrors = z
  .object({
    ...fields,
    errors: z.array(ImportFault).meta({ description: 'The first 50 rows that were not accepted.' }),
  })
  .meta({ id: 'ImportWithErrors' });

/** An import as lists have it. */
export function showImport(record: ImportRecord): z.input<typeof Import> {
  const { id, sourceId, name, request, status, failure, bytes, lines, appended, duplicates, rejected } =
    record;
  return {
    id,
    sourceId,
    name,
    format: request.format,
    type: request.type,
    map: [...request.map],
    status,
    failure: status === 'failed' ? failure : null,
    bytes,
    lines,
    appended,
    duplicates,
    rejected,
    streamsBehind: [...record.streamsBehind],
    startedAt: record.startedAt.toISOString(),
    updatedAt: record.updatedAt.toISOString(),
    endedAt: record.endedAt?.toISOString() ?? null,
  };
}

/** An import with the rows that were not accepted. */
export function showImportWithErrors(
  record: ImportRecord,
  errors: readonly ImportError[],
): z.input<typeof ImportWithErrors> {
  return {
    ...showImport(record),
    errors: errors.map(({ line, code, message, raw }) => {
      const { remedy } = rejectionReasons[code as RejectionCode];
      return { line, code, message, remedy, raw: new TextDecoder().decode(raw) };
    }),
  };
}

const importExample: z.input<typeof Import> = {
  id: '8d3f2a6e-0c55-4c1b-9a55-3d9e6a1f7b20',
  sourceId: '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e',
  name: 'orders-2024.ndjson.gz',
  format: 'ndjson',
  type: null,
  map: [],
  status: 'completed',
  failure: null,
  bytes: 812_334_901,
  lines: 1_000_000,
  appended: 999_990,
  duplicates: 9,
  rejected: 1,
  streamsBehind: [],
  startedAt: '2026-11-22T09:30:00.000Z',
  updatedAt: '2026-11-22T09:30:48.120Z',
  endedAt: '2026-11-22T09:30:48.120Z',
};

export const importListExample = { data: [importExample], nextCursor: null };
export const importWithErrorsExample: z.input<typeof ImportWithErrors> = {
  ...importExample,
  errors: [
    {
      line: 4_711,
      code: 'no_user',
      message: 'The event has neither a userId nor an anonymousId.',
      remedy: rejectionReasons.no_user.remedy,
      raw: '{"type":"track","event":"Order Completed"}',
    },
  ],
};
