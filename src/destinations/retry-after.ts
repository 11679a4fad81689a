const longest = 3_600_000;
const dateForms = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/, // IMF-fixdate
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/, // RFC 850
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/, // asctime, in UTC as well
];

/**
 * How long an answer asks to wait (RFC 9110, 10.2.3): seconds, also with a fraction, or a date, which is read against
 * the answer's own Date header when it has one, so that neither clock must be right.
 * @param now this process's clock, ms since 1970.
 * @returns milliseconds from 0 to one hour, longer ones cut; null when there is nothing usable.
 */
export function retryAfterMs(
  value: string | undefined,
  date: string | undefined,
  now: number,
): number | null {
  const text = value?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return bounded(Math.ceil(Number(text) * 1000));
  const until = parseDate(text);
  if (until === null) return null;
  return bounded(until - (parseDate(date?.trim() ?? '') ?? now));
}

function bounded(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, 0), longest);
}

// Date.parse makes a date of almost anything that holds a number, so the form is checked first.
function parseDate(text: string): number | null {
  if (!dateForms.some((form) => form.test(text))) return null;
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? null : time;
}
