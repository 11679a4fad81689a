/**
 * Times are read once, here: JavaScript and Postgres disagree on what a text means ("now", 2026-02-30, a missing
 * offset), and a time that two readers understand differently would put an event on two days.
 */

/** Years in which an event can have happened; Go's zero time and 9999 as "never" are no such times. */
const firstYear = 1970;
const lastYear = 2100;

const timePattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:([Tt ])(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)?)?$/;
const strictPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads an ISO 8601 time: a date, or date and time with or without seconds, fraction and offset. Without an offset it
 * is taken as UTC.
 * @returns milliseconds since 1970, or null when it is no text, no such day or time, or lies outside 1970 to 2100
 */
export function parseTime(text: unknown): number | null {
  if (typeof text !== 'string') return null;
  const part = timePattern.exec(text);
  if (part === null) return null;
  const year = Number(part[1]);
  if (year < 100) return null; // Date.UTC takes it for a year of the last century
  const month = Number(part[2]);
  const day = Number(part[3]);
  const hour = Number(part[5] ?? 0);
  const minute = Number(part[6] ?? 0);
  const second = Number(part[7] ?? 0);
  if (hour > 23 || minute > 59 || second > 59 || !isDay(year, month, day)) return null;
  const fraction = part[8] === undefined ? 0 : Number(part[8].padEnd(3, '0').slice(0, 3));
  const offset = offsetMinutes(part[10], part[11], part[12]);
  if (offset === null) return null;
  const moment = Date.UTC(year, month - 1, day, hour, minute - offset, second, fraction);
  return isSane(moment) ? moment : null;
}

function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  if (day <= 28) return true;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days =
    month === 2 ? (leap ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return day <= days;
}

function offsetMinutes(sign: string | undefined, hours: string | undefined, minutes: string | undefined) {
  if (sign === undefined) return 0;
  const size = Number(hours) * 60 + Number(minutes ?? 0);
  if (Number(hours) > 23 || Number(minutes ?? 0) > 59) return null;
  return sign === '-' ? -size : size;
}

const firstMoment = Date.UTC(firstYear, 0, 1);
const endMoment = Date.UTC(lastYear, 0, 1);

function isSane(moment: number): boolean {
  return moment >= firstMoment && moment < endMoment;
}

/** What a sender says about time, as parsed from JSON: anything may stand there. */
export interface SentTimes {
  readonly timestamp: unknown;
  readonly originalTimestamp: unknown;
}

export interface EventTime {
  readonly timestamp: Date;
  /** The time was made from the sender's `timestamp`. */
  readonly fromTimestamp: boolean;
  /** The sender's `timestamp` says it already, in a form that everyone reads alike (RFC 3339), so it can stay. */
  readonly asSent: boolean;
}

/**
 * When an event happened, by the server's clock: `receivedAt - (sentAt - time on the sender's clock)`, which removes
 * the skew of that clock (Segment's rule: segment-docs, connections/spec/common, "Timestamps"). Without a usable
 * `sentAt` the sender's time stands. A sender that gives both `timestamp` and `originalTimestamp` has corrected the
 * first one itself, so it stands too: corrected again by an old `sentAt`, a forwarded event would move to today.
 * Without any usable time it is `receivedAt`.
 * @param sentAt when the request left, by the sender's clock; null where that is unknown or means nothing
 */
export function timeOf(sent: SentTimes, sentAt: Date | null, receivedAt: Date): EventTime {
  const own = parseTime(sent.timestamp);
  const original = parseTime(sent.originalTimestamp);
  const onClock = own ?? original;
  const isCorrected = own !== null && original !== null;
  const skew = sentAt === null || isCorrected ? 0 : receivedAt.getTime() - sentAt.getTime();
  const moment = onClock === null ? null : onClock + skew;
  const usable = moment !== null && isSane(moment);
  return {
    timestamp: usable ? new Date(moment) : receivedAt,
    fromTimestamp: usable && own !== null,
    asSent: usable && moment === own && strictPattern.test(sent.timestamp as string),
  };
}
