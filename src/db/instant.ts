import { sql, type Statement } from './sql.ts';

// A Date keeps milliseconds where Postgres keeps microseconds: a cursor made of Dates would skip or repeat rows.

/** A timestamptz expression as whole microseconds since the epoch. */
export function microsecondsOf(expression: Statement): Statement {
  return sql`(extract(epoch from ${expression}) * 1000000)::bigint`;
}

/** The timestamptz at so many microseconds since the epoch. */
export function atMicroseconds(microseconds: number): Statement {
  return sql`(timestamptz 'epoch' + ${microseconds}::float8 * interval '1 microsecond')`;
}
