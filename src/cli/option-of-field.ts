/** The option that fills a field of a body, by the field's JSON pointer without what stands behind a place in a list. */
const options: Readonly<Record<string, string>> = {
  '/range/from': '--from or --last',
  '/range/to': '--to',
  '/range/by': '--by',
  '/filter': '--filter',
  '/filter/types': '--types',
  '/filter/names': '--names',
  '/filter/users': '--users',
  '/filter/fql': '--fql',
  '/exclude/types': '--exclude-types',
  '/exclude/names': '--exclude-names',
  '/exclude/users': '--exclude-users',
  '/exclude/fql': '--exclude-fql',
  '/pace/eventsPerSecond': '--rate',
  '/pace/maxConcurrent': '--concurrency',
  '/pace/lanes': '--lanes',
  '/budget/eventsPerSecond': '--rate',
  '/budget/requestsPerSecond': '--request-rate',
  '/budget/maxConcurrent': '--concurrency',
  '/canary/events': '--canary',
  '/schedule/startAt': '--start',
  '/schedule/windows': '--hours',
  '/schedule/timeZone': '--time-zone',
  '/settings/url': '--url',
  '/eventIds': '--event-id',
  '/expiresAt': '--expires',
};

/** The option by which a field of a body is said on the command line; null where its name says it, or none does. */
export function optionOfField(pointer: string): string | null {
  const known = options[pointer.replace(/\/\d+(\/.*)?$/, '')];
  if (known !== undefined) return known;
  const setting = /^\/settings\/(\w+)$/.exec(pointer)?.[1];
  return setting === undefined ? null : `--set ${setting}=…`;
}
