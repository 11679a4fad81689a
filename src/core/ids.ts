import { z } from 'zod';

/** An id as it is asked for; in lower case, as everything that it is compared with. */
export const AnyId = z.uuid().toLowerCase();

/** Ids of sources as they are asked for: a set, so one that stands twice, be it in another case, counts once. */
export const SourceIds = z
  .array(AnyId)
  .min(1)
  .max(1_000)
  .overwrite((ids) => [...new Set(ids)]);
