import { z } from 'zod';
import { AbsoluteTime } from './absolute-time.ts';
import { weekDays } from './replay-schedule.ts';
import { isTimeZone, nearestTimeZone } from './time-zone.ts';

const clockTime = /^([01]\d|2[0-3]):[0-5]\d$/;
const from = z
  .string()
  .regex(clockTime, 'Expected a time on the wall from "00:00" to "23:59".')
  .meta({ description: 'When it opens, `hh:mm` on a clock of the zone.', example: '22:00' });
const to = z
  .string()
  .refine((text) => clockTime.test(text) || text === '24:00', {
    message: 'Expected a time on the wall from "00:00" to "23:59", or "24:00" for the end of the day.',
  })
  .meta({
    description: 'When it closes, up to `24:00`; a time that is not later than `from` lies on the next day.',
    example: '06:00',
  });

/** A stretch of the day. */
export const ScheduleWindow = z
  .strictObject({
    from,
    to,
    days: z
      .exactOptional(
        z
          .array(z.enum(weekDays))
          .min(1)
          .max(7)
          .refine((days) => new Set(days).size === days.length, 'Name each day once.'),
      )
      .meta({ description: 'On which days it opens. Absent: on all.', example: ['mon', 'tue'] }),
    eventsPerSecond: z.exactOptional(z.number().positive().max(1_000_000)).meta({
      description: 'Most events per second while it is open; the lower of this and `pace` holds.',
      example: 500,
    }),
    maxConcurrent: z.exactOptional(z.int().positive().max(1_000)).meta({
      description:
        'Most requests at once while it is open; the lower of this and `pace` holds. No fewer than the replay has lanes.',
    }),
  })
  .refine((window) => window.from !== window.to, {
    path: ['to'],
    message: 'The window has no length. For the whole day say from "00:00" to "24:00".',
  });

const TimeZone = z
  .string()
  .max(100)
  .superRefine((name, context) => {
    if (isTimeZone(name)) return;
    const near = nearestTimeZone(name);
    const remedy =
      near === null ? 'Give a name such as "Europe/Berlin" or "UTC".' : `Did you mean "${near}"?`;
    context.addIssue({ code: 'custom', message: `There is no time zone of this name. ${remedy}` });
  });

const StartAt = AbsoluteTime.meta({
  description: 'When it begins. A time that has passed begins it at once.',
  example: '2026-10-15T20:00:00Z',
});
const Windows = z.array(ScheduleWindow).min(1).max(14);

/** When a replay begins and in which hours it sends, as it is asked for. */
export const ScheduleRequest = z
  .strictObject({
    startAt: z.exactOptional(StartAt),
    timeZone: TimeZone.default('UTC').meta({
      description: 'The IANA time zone in which the windows are told.',
      example: 'Europe/Berlin',
    }),
    windows: z.exactOptional(Windows).meta({
      description:
        'In which hours it sends; outside all of them it sends nothing. Absent: in all. Where windows overlap, the pace of the first one of the list holds.',
    }),
  })
  .refine(({ startAt, windows }) => startAt !== undefined || windows !== undefined, {
    message: 'Name `startAt`, `windows`, or both.',
  });

/** A change of a replay's schedule: an absent member stays as it is. */
export const ChangedSchedule = z
  .strictObject({
    startAt: z.exactOptional(StartAt.nullable()).meta({
      description: 'When it begins. null, or a time that has passed: at once.',
      example: '2026-10-15T20:00:00Z',
    }),
    timeZone: z.exactOptional(TimeZone).meta({
      description: 'The IANA time zone in which the windows are told.',
      example: 'Europe/Berlin',
    }),
    windows: z.exactOptional(Windows.nullable()).meta({
      description: 'In which hours it sends, instead of those that it had. null: in all.',
    }),
  })
  .refine((change) => Object.keys(change).length > 0, {
    message:
      'Name what is to change: `startAt`, `timeZone` or `windows`; null instead of the schedule: none.',
  });
