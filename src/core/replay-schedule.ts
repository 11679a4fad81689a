import { firstReached, wallClockOf, type WallClock } from './time-zone.ts';

/** Days of the week, as windows name them. */
export const weekDays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type WeekDay = (typeof weekDays)[number];

/** A stretch of the day in which a replay sends. */
export interface ScheduleWindow {
  /** Times on the wall, `hh:mm`. A `to` that is not later than `from` lies on the next day; 24:00 ends the day. */
  readonly from: string;
  readonly to: string;
  /** The days on which it opens; absent: every day. */
  readonly days?: readonly WeekDay[];
  /** The most that holds while it is open, beside the replay's own pace. */
  readonly eventsPerSecond?: number;
  readonly maxConcurrent?: number;
}

/** When a replay begins, and when it sends. */
export interface Schedule {
  /** RFC 3339. */
  readonly startAt?: string;
  /** `startAt` had passed when it was asked for. */
  readonly startAtPassed?: boolean;
  readonly timeZone: string;
  /** Absent: it always sends. Where windows overlap the first one of the list holds. */
  readonly windows?: readonly ScheduleWindow[];
}

/** A change of a schedule; an absent member stays as it is, null takes it away. */
export interface ScheduleChange {
  readonly startAt?: string | null;
  readonly timeZone?: string;
  readonly windows?: readonly ScheduleWindow[] | null;
}

/** A schedule with what a change names; null when neither a begin nor windows are left, so that it has none. */
export function changedSchedule(
  current: Schedule | null,
  { startAt, timeZone, windows }: ScheduleChange,
): Schedule | null {
  const { startAt: begin, startAtPassed: passed, timeZone: zone = 'UTC', windows: hours } = current ?? {};
  const next: Schedule = {
    ...kept('startAt', startAt === undefined ? begin : startAt),
    ...kept('startAtPassed', startAt === undefined ? passed : null),
    timeZone: timeZone ?? zone,
    ...kept('windows', windows === undefined ? hours : windows),
  };
  return next.startAt === undefined && next.windows === undefined ? null : next;
}

function kept<Name extends keyof Schedule>(
  name: Name,
  value: Schedule[Name] | null,
): Pick<Schedule, Name> | object {
  return value === undefined || value === null ? {} : { [name]: value };
}

/** What a schedule's windows say at an instant. Times are milliseconds since 1970; null: not within sight. */
export type Opening =
  | {
      readonly kind: 'open';
      /** Null: there are no windows. */
      readonly window: ScheduleWindow | null;
      /** Since when some window has been open without a gap; of a long stretch, since some time in it. */
      readonly since: number | null;
      /** When none is open any more. */
      readonly closesAt: number | null;
    }
  | { readonly kind: 'closed'; readonly opensAt: number | null };

const alwaysOpen: Opening = { kind: 'open', window: null, since: null, closesAt: null };

const dayMs = 86_400_000;
/** A window opens on any day at latest: the days of two weeks, as one of them may be skipped by a clock. */
const sightDays = 16;

/** One time at which a window is open: from `opensAt` until before `closesAt`. */
interface Occurrence {
  readonly window: ScheduleWindow;
  readonly opensAt: number;
  readonly closesAt: number;
}

/**
 * Whether a schedule's windows let a replay send, and until when that holds. A window opens the first time that the clock
 * on the wall reaches `from`, and closes the first time after that at which it reaches `to`: an hour that comes twice opens
 * nothing twice, and a window that lies in a skipped hour does not open that day.
 */
export function openingAt(schedule: Schedule | null, now: number): Opening {
  if (schedule?.windows === undefined) return alwaysOpen;
  const wall = wallClockOf(schedule.timeZone);
  const today = Math.floor(wall(now) / dayMs) * dayMs;
  const on = (day: number) => occurrencesOf(schedule.windows!, wall, today + day * dayMs);
  const near = [-2, -1, 0, 1].flatMap(on);
  const open = schedule.windows
    .map((window) => near.find((one) => one.window === window && contains(one, now)))
    .find((one) => one !== undefined);
  if (open === undefined) return { kind: 'closed', opensAt: nextOpening(on, now) };
  return {
    kind: 'open',
    window: open.window,
    since: openSince(near, open.opensAt),
    closesAt: openUntil(on, open.closesAt),
  };
}

const contains = ({ opensAt, closesAt }: Occurrence, at: number) => opensAt <= at && at < closesAt;

/** The windows that open on a day of the wall's calendar. @param day its midnight, as if the wall's time were UTC */
function occurrencesOf(windows: readonly ScheduleWindow[], wall: WallClock, day: number): Occurrence[] {
  const name = weekDays[new Date(day).getUTCDay()]!;
  return windows
    .filter(({ days }) => days === undefined || days.includes(name))
    .map((window) => {
      const [from, to] = [timeOfDay(window.from), timeOfDay(window.to)];
      const end = to > from ? to : to + dayMs;
      return { window, opensAt: firstReached(wall, day + from), closesAt: firstReached(wall, day + end) };
    })
    .filter(({ opensAt, closesAt }) => opensAt < closesAt);
}

function nextOpening(on: (day: number) => Occurrence[], now: number): number | null {
  for (let day = -1; day <= sightDays; day++) {
    const later = on(day).filter(({ opensAt }) => opensAt > now);
    if (later.length > 0) return Math.min(...later.map(({ opensAt }) => opensAt));
  }
  return null;
}

/** Follows windows that touch or overlap, forward. */
function openUntil(on: (day: number) => Occurrence[], from: number): number | null {
  let until = from;
  for (let day = -2; day <= sightDays; day++) {
    const next = on(day).toSorted((one, other) => one.opensAt - other.opensAt);
    for (const { opensAt, closesAt } of next) if (opensAt <= until) until = Math.max(until, closesAt);
    if (next.some(({ opensAt }) => opensAt > until)) return until;
  }
  return until - from > (sightDays - 3) * dayMs ? null : until;
}

/** The same backward, as far as the last days show. */
function openSince(near: readonly Occurrence[], from: number): number {
  const since = Math.min(
    ...near.filter((one) => one.opensAt < from && one.closesAt >= from).map((one) => one.opensAt),
    from,
  );
  return since === from ? since : openSince(near, since);
}

/** Milliseconds since midnight. */
function timeOfDay(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return (hours! * 60 + minutes!) * 60_000;
}

/** The first window with fewer requests at once than lanes, each of which needs one of its own; null: there is none. */
export function tightWindow(windows: readonly ScheduleWindow[], lanes: number): number | null {
  const index = windows.findIndex(({ maxConcurrent = lanes }) => maxConcurrent < lanes);
  return index === -1 ? null : index;
}

/** How a replay's schedule stands. */
export interface ScheduleStanding {
  /** When that is; milliseconds since 1970. */
  readonly now: number;
  readonly opening: Opening;
  /** For how long a window has been open, at least; milliseconds, null: there is none. */
  readonly openForMs: number | null;
  /** In how long it may begin; negative: since when; null: no time was named. */
  readonly startsInMs: number | null;
}

/** How a schedule stands at an instant. @param now milliseconds since 1970 */
export function standingAt(schedule: Schedule | null, now: number): ScheduleStanding {
  const opening = openingAt(schedule, now);
  const since = opening.kind === 'open' ? opening.since : null;
  return {
    now,
    opening,
    openForMs: since === null ? null : now - since,
    startsInMs: schedule?.startAt === undefined ? null : Date.parse(schedule.startAt) - now,
  };
}

/** A replay's pace: events per second and requests at once, null where nothing limits it. */
export interface Pace {
  readonly eventsPerSecond: number | null;
  readonly maxConcurrent: number | null;
}

/** The pace that holds now: the lower of a replay's own and that of the window that is open. */
export function paceIn(opening: Opening, own: Pace): Pace {
  const window = opening.kind === 'open' ? opening.window : null;
  return {
    eventsPerSecond: lower(own.eventsPerSecond, window?.eventsPerSecond),
    maxConcurrent: lower(own.maxConcurrent, window?.maxConcurrent),
  };
}

function lower(one: number | null, other: number | undefined): number | null {
  if (one === null || other === undefined) return one ?? other ?? null;
  return Math.min(one, other);
}
