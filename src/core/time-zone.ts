import { nearestName } from './nearest-name.ts';

const dayMs = 86_400_000;

/** Whether a name is that of an IANA time zone. Offsets such as "+02:00" are none: they know no daylight saving. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}

/** The time zone that somebody most likely meant by a name or by a city, null when none is near. */
export function nearestTimeZone(name: string): string | null {
  const zones = Intl.supportedValuesOf('timeZone');
  const near = nearestName(name, zones);
  if (near !== null) return near;
  const cityOf = (zone: string) => zone.slice(zone.lastIndexOf('/') + 1);
  const city = nearestName(name.replaceAll(' ', '_'), zones.map(cityOf));
  return zones.find((zone) => cityOf(zone) === city) ?? null;
}

/** What a clock on the wall of a zone shows at an instant: both in milliseconds since 1970, the wall's as if it were UTC. */
export type WallClock = (at: number) => number;

/** The clock on the wall of a zone, to the second, by the zone's rules as the process knows them. */
export function wallClockOf(timeZone: string): WallClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const read = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
    for (const { type, value } of format.formatToParts(at))
      if (type in read) read[type as keyof typeof read] = +value;
    return Date.UTC(read.year, read.month - 1, read.day, read.hour, read.minute, read.second);
  };
}

/**
 * The first instant at which a wall clock shows a time or a later one: of an hour that comes twice the first, of an hour
 * that is skipped the moment at which the clock jumps. So a later time is never reached earlier.
 * @param time milliseconds since 1970 as if the wall's time were UTC, whole seconds
 */
export function firstReached(wall: WallClock, time: number): number {
  // No zone is a day or more away from UTC, nor changes its clock twice within these two days.
  const offsets = [time - dayMs, time + dayMs].map((at) => wall(at) - at);
  const shown = offsets.map((offset) => time - offset).filter((at) => wall(at) === time);
  if (shown.length > 0) return Math.min(...shown);
  let [before, after] = [time - Math.max(...offsets) - 1_000, time - Math.min(...offsets)];
  while (after - before > 1_000) {
    const middle = before + Math.floor((after - before) / 2_000) * 1_000;
    if (wall(middle) >= time) after = middle;
    else before = middle;
  }
  return after;
}
