import { z } from 'zod';
import { ScheduleWindow } from '../../core/schedule-request.ts';
import type { RunRecord } from '../../db/runs.ts';
import { Time } from './fields.ts';

/** What a replay's answer says of its schedule. */
export const scheduleFields = {
  schedule: z
    .object({
      startAt: z.exactOptional(Time),
      startAtPassed: z.exactOptional(z.boolean()).meta({
        description: 'true: `startAt` had passed when it was asked for, so the replay began at once.',
      }),
      timeZone: z.string(),
      windows: z.exactOptional(z.array(ScheduleWindow)),
    })
    .nullable()
    .meta({
      description: 'As it is now; the request says how it was asked for. null: it sends at all hours.',
    }),
  startsAt: Time.nullable().meta({
    description:
      'When it begins, unless it is paused until then. null: it has begun, or waits for another replay.',
  }),
  openWindow: ScheduleWindow.nullable().meta({
    description: 'The window that is open now, whose pace holds if it is lower than `pace`. null: none is.',
  }),
  closesAt: Time.nullable().meta({
    description: 'When its windows close. null: they do not, or are closed.',
  }),
  opensAt: Time.nullable().meta({
    description: 'When a window opens. null: one is open, or there are none.',
  }),
};

type Shown = { [Field in keyof typeof scheduleFields]: z.input<(typeof scheduleFields)[Field]> };

/** How a replay's schedule stands. One that has ended waits for nothing. */
export function showSchedule({ schedule, standing, desired, endedAt }: RunRecord): Shown {
  const { opening, startsInMs } = standing;
  const open = endedAt === null;
  const begins = open && desired === 'planned' && startsInMs !== null && startsInMs > 0;
  const sends = open && desired !== 'planned';
  return {
    schedule: schedule === null ? null : (structuredClone(schedule) as NonNullable<Shown['schedule']>),
    startsAt: begins ? timeOf(Date.parse(schedule!.startAt!)) : null,
    openWindow: sends && opening.kind === 'open' ? (opening.window as Shown['openWindow']) : null,
    closesAt: sends && opening.kind === 'open' ? timeOf(opening.closesAt) : null,
    opensAt: sends && opening.kind === 'closed' ? timeOf(opening.opensAt) : null,
  };
}

const timeOf = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
