import type { QueryResultRow } from 'pg';

/** A statement with its values apart: what the `sql` tag makes. Values never become part of the text. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

const isStatement = (value: unknown): value is Statement =>
  typeof value === 'object' && value !== null && statements.has(value);
const statements = new WeakSet<object>();

/**
 * Builds a parameterised statement from a template; a nested `sql` statement is spliced in, everything else becomes
 * a parameter.
 */
export function sql(strings: TemplateStringsArray, ...parts: readonly unknown[]): Statement {
  let text = strings[0] ?? '';
  const values: unknown[] = [];
  parts.forEach((part, index) => {
    if (isStatement(part)) {
      text += part.text.replace(/\$(\d+)/g, (_, digits: string) => `$${Number(digits) + values.length}`);
      values.push(...part.values);
    } else {
      values.push(part);
      text += `$${values.length}`;
    }
    text += strings[index + 1] ?? '';
  });
  const statement = { text, values };
  statements.add(statement);
  return statement;
}

/** Joins statements with a separator that is itself a statement, e.g. conditions by `sql` and `. */
export function join(list: readonly Statement[], separator: Statement): Statement {
  return list.reduce((left, right) => sql`${left}${separator}${right}`);
}

/** What can run statements: a pool outside, a client inside a transaction. */
export interface Queryable {
  rows<Row extends QueryResultRow>(statement: Statement): Promise<Row[]>;
  /** The number of rows that the statement changed. */
  run(statement: Statement): Promise<number>;
}
