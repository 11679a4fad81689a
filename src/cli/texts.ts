/** A whole number as people read it: 1,909. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** A stretch of time in its two largest units: `45s`, `1m 5s`, `3h 20m`, `2d 4h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [whole / 86_400, (whole / 3_600) % 24, (whole / 60) % 60].map(Math.floor);
  const parts = [
    [days ?? 0, 'd'],
    [hours ?? 0, 'h'],
    [minutes ?? 0, 'm'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return '0s';
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value}${unit}`)
    .join(' ');
}

/** A moment to the second, in UTC: `2026-10-14 02:00:00Z`. */
export function moment(time: string | null): string {
  return time === null ? '–' : `${time.slice(0, 19).replace('T', ' ')}Z`;
}

/**
 * Text that others wrote, safe to show in a terminal: control characters, which could move its cursor or change its
 * title, stand as U+FFFD.
 */
export function plain(text: string): string {
  // oxlint-disable-next-line eslint/no-control-regex -- these are what must not get through
  return text.toWellFormed().replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD');
}

const graphemes = new Intl.Segmenter();
/** Characters that terminals draw over two columns. Source: Unicode, UAX #11. */
const wide =
  /[\p{Emoji_Presentation}\u{1100}-\u{115F}\u{2E80}-\u{A4CF}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FE30}-\u{FE6F}\u{FF00}-\u{FF60}\u{FFE0}-\u{FFE6}\u{20000}-\u{3FFFD}]/u;

/** How many columns of a terminal a text takes. */
export function columnsOf(text: string): number {
  return charactersOf(text).reduce((sum, character) => sum + widthOf(character), 0);
}

/** Cut to so many columns, with an ellipsis where something is missing. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  let left = columns - 1;
  for (const character of charactersOf(text)) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return columns < 1 ? '' : `${kept}…`;
}

const charactersOf = (text: string) => Array.from(graphemes.segment(text), ({ segment }) => segment);
const widthOf = (character: string) => (wide.test(character) ? 2 : 1);
