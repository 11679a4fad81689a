import { z } from 'zod';
import { storableText } from '../../core/storable-text.ts';
import { places } from '../../db/deletions/places.ts';
import type { DeletionRecord } from '../../db/deletions/records.ts';
import { Id, Time } from './fields.ts';
import { oneOfThem, personIds } from './suppression.ts';

export const NewDeletion = z
  .strictObject({
    ...personIds,
    suppress: z.boolean().default(true).meta({
      description:
        'Nothing is sent to this id afterwards either; that takes keeping the id in the suppression. false: new events are taken and sent again once it is done.',
    }),
    reason: z.exactOptional(storableText(1_000)).meta({
      description: 'For people: why. It is kept, so name nobody in it.',
      example: 'Request 311.',
    }),
  })
  .superRefine(oneOfThem);

const count = z.int().min(0);

export const Deletion = z
  .object({
    id: Id,
    userId: z.string().nullable().meta({ description: 'null once it has ended.' }),
    anonymousId: z.string().nullable(),
    subjectHash: z.string().meta({
      description:
        'SHA-256, in hex, of `<id of the deletion>:userId:<the id>` (or `:anonymousId:`): shows whom it was about to somebody who knows the id.',
    }),
    status: z.enum(['suppressing', 'running', 'completed']).meta({
      description:
        '`suppressing`: a worker has not confirmed yet that nothing is sent any more. `running`: nothing is sent, and what there is is being deleted.',
    }),
    reason: z.string().nullable(),
    suppress: z.boolean(),
    suppressionId: Id,
    revision: count.meta({ description: 'Of the suppressions: whoever has confirmed it sends nothing.' }),
    askedBy: z.string(),
    askedAt: Time,
    heardAt: Time.nullable().meta({ description: 'From then on no request with an event of theirs began.' }),
    endedAt: Time.nullable(),
    scannedTo: count.meta({ description: 'How far the archive has been gone through: a position.' }),
    throughPosition: count.nullable().meta({
      description: 'Every event of theirs up to this position is gone; what came later is not meant.',
    }),
    deleted: z.array(z.object({ table: z.string(), rows: count, what: z.string(), how: z.string() })),
    remains: z.array(z.object({ what: z.string(), why: z.string() })),
  })
  .meta({ id: 'Deletion', description: 'The deletion of a person; once it is completed, its certificate.' });

const archive = {
  table: 'event',
  what: 'Events, and alias calls that name the id as the one before.',
  how: 'Emptied: position, times, source, type, and the name of track calls are left, under a pseudonym.',
};

const always = [
  {
    what: 'A short id as a bare word or number in what was kept of others: one of fewer than six characters, or without a letter and of fewer than ten digits.',
    why: 'Nobody can tell whether it is the id. It counts where it is quoted as a whole, or is the value of a member like userId; in a row of a CSV file also as a whole cell, unless it is a number of fewer than six characters.',
  },
  {
    what: 'Events of the same person that carry another id alone: from before a login, an anonymousId.',
    why: 'Ids are compared exactly. Each further id is a deletion of its own: GET /api/people/export lists what stands together.',
  },
  {
    what: 'Hashes of messageIds and of contents, for as long as duplicates are removed.',
    why: 'A client that sends an event again would bring it back.',
  },
  {
    what: 'Space in Postgres’ files until its next vacuum, its write-ahead log, and backups until they expire.',
    why: 'They are not Reprise’s: see docs/privacy.md.',
  },
];

function remainsOf({ suppress, ownSuppression }: DeletionRecord) {
  const stays = suppress || !ownSuppression;
  const why = stays
    ? 'Nothing may be sent to it: the id is compared with those of new events.'
    : 'Workers learn from it that new events are sent again.';
  return [{ what: `The id in its suppression, ${stays ? 'in force' : 'lifted'}.`, why }, ...always];
}

/** A deletion as it is answered. @param heard the revision that every worker has confirmed */
export function showDeletion(deletion: DeletionRecord, heard: number): z.input<typeof Deletion> {
  const { id, userId, anonymousId, reason, suppress, suppressionId, revision, scannedTo } = deletion;
  const isHeard = deletion.heardAt !== null || revision <= heard;
  return {
    id,
    userId,
    anonymousId,
    subjectHash: deletion.subjectHash.toString('hex'),
    status: deletion.endedAt !== null ? 'completed' : isHeard ? 'running' : 'suppressing',
    reason,
    suppress,
    suppressionId,
    revision,
    askedBy: deletion.askedByName,
    askedAt: deletion.askedAt.toISOString(),
    heardAt: deletion.heardAt?.toISOString() ?? null,
    endedAt: deletion.endedAt?.toISOString() ?? null,
    scannedTo,
    throughPosition: deletion.throughPosition,
    deleted: [archive, ...places].map(({ table, what, how }) => ({
      table,
      rows: deletion.deleted[table] ?? 0,
      what,
      how,
    })),
    remains: remainsOf(deletion),
  };
}

export const deletionExample = showDeletion(
  {
    id: '0d6a3c0e-58d1-4d0c-9f3b-7e1f0a2b4c5d',
    userId: 'user-42',
    anonymousId: null,
    subjectHash: Buffer.alloc(32, 0x5e),
    reason: 'Request 311.',
    suppress: true,
    suppressionId: '4b7c2f6e-1d0a-4c83-9e57-a2f4d8c1b960',
    ownSuppression: true,
    revision: 17,
    askedByName: 'environment',
    askedAt: new Date('2026-11-22T09:30:00.000Z'),
    heardAt: new Date('2026-11-22T09:30:00.400Z'),
    scannedTo: 120_000,
    throughPosition: null,
    deleted: { event: 312, dead_letter: 2 },
    endedAt: null,
  },
  17,
);
