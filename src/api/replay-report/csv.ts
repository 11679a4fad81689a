import type { ShownReport } from '../schemas/replay-report.ts';
import { factsOf } from './rows.ts';

/**
 * A report as CSV (RFC 4180): one fact in a row. Texts that a spreadsheet would take for a formula stand behind an
 * apostrophe (OWASP, CSV injection).
 */
export function csvOf(report: ShownReport): string {
  const rows = [['section', 'item', 'name', 'value'], ...factsOf(report)];
  return rows.map((row) => `${row.map(cellOf).join(',')}\r\n`).join('');
}

function cellOf(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const harmless = /^[\s\p{Cf}]*[=+\-@|%＝＋－＠]|^[\t\r\n]/u.test(value) ? `'${value}` : value;
  return `"${harmless.replaceAll('"', '""')}"`;
}
