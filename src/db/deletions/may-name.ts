import { sql, type Statement } from '../sql.ts';

// What names somebody holds his id, with capital or small letters, or something escaped that might be it. These find
// all that core's patterns find, and more: who asks looks at what they find with those.

/** Whether bytes may name an id. */
export function bytesMayName(bytes: Statement, id: string): Statement {
  const letters = (of: Statement) => sql`lower(encode(${of}, 'escape') collate "C")`;
  return sql`(strpos(${letters(bytes)}, ${letters(sql`${Buffer.from(id)}::bytea`)}) > 0 or position('\\x5c'::bytea in ${bytes}) > 0)`;
}

/** Whether a text may. */
export function textMayName(text: Statement, id: string): Statement {
  return sql`(strpos(lower(${text} collate "C"), lower(${id}::text collate "C")) > 0 or strpos(${text}, '\\') > 0)`;
}

/** Whether a text within jsonb may; what is escaped in it is so twice in the text of the jsonb. */
export function jsonMayName(json: Statement, id: string): Statement {
  const escaped = JSON.stringify(id).slice(1, -1);
  return sql`(strpos(lower(${json}::text collate "C"), lower(${escaped}::text collate "C")) > 0 or strpos(${json}::text, '\\\\') > 0)`;
}
