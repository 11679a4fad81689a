import { z } from 'zod';
import { AnyId } from '../../core/ids.ts';
import { momentOf } from '../../core/replay-range.ts';
import { PastTime } from '../../core/replay-request.ts';
import { storableName } from '../../core/storable-text.ts';

/** An instant in RFC 3339, UTC. */
export const Time = z.iso.datetime().meta({ example: '2026-10-14T02:00:00.000Z' });

/** A moment of a query, in UTC: a time before now is counted from when the request came. */
export const Moment = PastTime.transform((text) => momentOf(text, Date.now()));

/** A plain UUID; asked for in capitals it is the same. */
export const Id = AnyId.meta({ example: '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e' });

export const Name = storableName(200).meta({ description: 'A name for people.' });

/** Who did something. */
export const ActorShown = z
  .object({
    tokenId: Id.nullable().meta({
      description: 'null: the token of the environment, or, where the name is `reprise`, Reprise itself.',
    }),
    name: z.string(),
  })
  .meta({ id: 'Actor' });

/** The path of everything that is addressed by its id. */
export const IdPath = z.strictObject({ id: Id });

const mostValues = 20;

/** A parameter of a query that may be given several times, up to 20; a single value comes as a text. */
export const several = <T extends z.ZodType>(item: T) =>
  z.exactOptional(
    z.preprocess(
      (value) => (Array.isArray(value) ? value : [value]),
      z.array(item).min(1).max(mostValues, `Expected at most ${mostValues} values.`),
    ),
  );

/** The query of a list, to which filters are added. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50).meta({
    description: 'Most rows of a page.',
    example: 50,
  }),
  cursor: z
    .exactOptional(z.string().min(1).max(2_000))
    .meta({ description: '`nextCursor` of the page before. Absent: the first page.' }),
};

/** A page of a list, as it is answered. */
export const pageOf = <T extends z.ZodType>(row: T) =>
  z.object({
    data: z.array(row),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'Fetches the next page. null: this page is the last one.' }),
  });
