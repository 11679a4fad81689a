import { z } from 'zod';

// Postgres and RFC 3339 share the years 1 to 9999; a zone's offset may push a time outside them.
const firstMoment = Date.parse('0001-01-01T00:00:00.000Z');
const lastMoment = Date.parse('9999-12-31T23:59:59.999Z');

/** A moment in RFC 3339. */
export const AbsoluteTime = z.iso.datetime({ offset: true }).refine(isInReach, {
  message: 'Expected a time from year 1 to 9999, such as "2026-10-14T02:00:00Z".',
});

/** What is no time at all is told as that, not a second time. */
function isInReach(text: string): boolean {
  const time = Date.parse(text);
  return Number.isNaN(time) || (time >= firstMoment && time <= lastMoment);
}
