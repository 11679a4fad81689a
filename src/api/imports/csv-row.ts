import { parse } from 'csv-parse/sync';
import type { UserIds } from '../../core/new-event.ts';
import { parseTime } from '../../core/timestamps.ts';
import type { CellPlace, ColumnMap } from './column-map.ts';
import type { Row } from './row-splitter.ts';

/** A row as event, or what is wrong with it, for people. */
export type ReadCsvRow = { readonly text: string; readonly fault?: never } | { readonly fault: string };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The cells of one row without its line break. @returns what is wrong, when it is not as RFC 4180 has it */
export function cellsOf(row: Uint8Array, delimiter: string): readonly string[] | { readonly fault: string } {
  try {
    const text = decoder.decode(row);
    const options = { delimiter, record_delimiter: '\n', relax_column_count: true } as const;
    return parse(text, options)[0] ?? [];
  } catch (error) {
    return {
      fault:
        error instanceof TypeError
          ? 'The row is not UTF-8.'
          : 'The row is not CSV: quotes stand around a whole field, and twice inside it.',
    };
  }
}

/**
 * Whose event a row may be that does not fit its header, or was cut. Where it has other fields than the header, what
 * stands in a user's column is not certain, so it is counted from both ends.
 */
export function usersOfRow({ bytes, cut }: Row, delimiter: string, { header, places }: ColumnMap): UserIds[] {
  const cells = cellsAnyhow(bytes, delimiter).slice(0, cut ? -1 : undefined);
  const shifts = new Set([0, cut ? 0 : cells.length - header.length]);
  return [...shifts].map((shift) => {
    const idOf = (name: string) => {
      const column = places.findIndex((of) => of.some(({ path }) => path.length === 1 && path[0] === name));
      return (column === -1 ? '' : (cells[column + shift] ?? '').trim()) || null;
    };
    return { userId: idOf('userId'), anonymousId: idOf('anonymousId') };
  });
}

function cellsAnyhow(row: Uint8Array, delimiter: string): readonly string[] {
  try {
    const options = {
      delimiter,
      record_delimiter: '\n',
      relax_column_count: true,
      relax_quotes: true,
    } as const;
    return parse(new TextDecoder().decode(row), options)[0] ?? [];
  } catch {
    return [];
  }
}

const times: ReadonlySet<string> = new Set(['timestamp', 'originalTimestamp', 'sentAt', 'receivedAt']);
const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** JSON text of one row's event. Numbers keep their digits. */
export function eventOfRow(row: Uint8Array, delimiter: string, map: ColumnMap): ReadCsvRow {
  const cells = cellsOf(row, delimiter);
  if ('fault' in cells) return cells;
  if (cells.length !== map.header.length) {
    return { fault: `The row has ${cells.length} fields, the header ${map.header.length}.` };
  }
  const event = new JsonTree();
  for (const [index, cell] of cells.entries()) {
    if (cell === '') continue;
    for (const place of map.places[index] ?? []) {
      const json = jsonOf(cell, place);
      if (json === null) return { fault: faultOf(map.header[index] ?? '', place) };
      event.put(place.path, json);
    }
  }
  if (map.type !== null) event.putUnlessThere('type', JSON.stringify(map.type));
  return { text: event.text() };
}

function jsonOf(cell: string, { path, kind }: CellPlace): string | null {
  if (path.length === 1 && times.has(path[0] ?? '') && parseTime(cell.trim()) === null) return null;
  switch (kind) {
    case 'text':
      return JSON.stringify(path.length === 1 ? cell.trim() : cell);
    case 'number':
      return numberPattern.test(cell.trim()) ? cell.trim() : null;
    case 'boolean':
      return /^(true|false)$/i.test(cell.trim()) ? cell.trim().toLowerCase() : null;
    case 'json':
      return isJson(cell) ? cell : null;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function faultOf(column: string, { path, kind }: CellPlace): string {
  const is =
    path.length === 1 && times.has(path[0] ?? '')
      ? 'a time in ISO 8601'
      : kind === 'json'
        ? 'JSON'
        : `a ${kind}`;
  return `Column ${column}: the cell is not ${is}.`;
}

/** An object that is written member by member; any name may stand in it, also `__proto__`. */
class JsonTree {
  readonly #members = new Map<string, string | JsonTree>();

  put([name = '', ...rest]: readonly string[], json: string): void {
    if (rest.length === 0) {
      this.#members.set(name, json);
      return;
    }
    const below = this.#members.get(name);
    const tree = below instanceof JsonTree ? below : new JsonTree();
    this.#members.set(name, tree);
    tree.put(rest, json);
  }

  putUnlessThere(name: string, json: string): void {
    if (!this.#members.has(name)) this.#members.set(name, json);
  }

  text(): string {
    const members = [...this.#members].map(([name, value]) => {
      const json = value instanceof JsonTree ? value.text() : value;
      return `${JSON.stringify(name)}:${json}`;
    });
    return `{${members.join(',')}}`;
  }
}
