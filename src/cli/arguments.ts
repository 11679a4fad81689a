import { InvalidArgumentError } from 'commander';
import { readJson } from './json-text.ts';

const seconds: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  m: 60,
  min: 60,
  h: 3_600,
  hour: 3_600,
  d: 86_400,
};

/** `200`, `200/s`, `1000/min`, `5000/h` as events per second. @throws InvalidArgumentError for anything else */
export function rate(text: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(?:\/(s|sec|m|min|h|hour))?$/.exec(text.trim()) ?? [];
  const value = Number(amount) / (seconds[unit] ?? 1);
  if (amount === undefined || value <= 0)
    throw new InvalidArgumentError('Write a rate such as 200/s, 1000/min or 5000/h.');
  return value;
}

/** `30s`, `5m`, `1h30m` in milliseconds; a bare number counts seconds. @throws InvalidArgumentError for anything else */
export function time(text: string): number {
  const bare = /^\d+(?:\.\d+)?$/.exec(text);
  const parts = bare === null ? [...text.matchAll(/(\d+(?:\.\d+)?)(s|m|h|d)/g)] : [];
  const total =
    bare === null
      ? parts.reduce((sum, [, amount, unit = 's']) => sum + Number(amount) * (seconds[unit] ?? 1), 0)
      : Number(text);
  const isWhole = bare !== null || (parts.length > 0 && parts.map(([part]) => part).join('') === text);
  if (!isWhole || total <= 0) throw new InvalidArgumentError('Write a time such as 30s, 5m or 1h30m.');
  return total * 1_000;
}

/** A whole number from 1. @throws InvalidArgumentError for anything else */
export function whole(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('Write a whole number from 1.');
  return Number(text);
}

/** Whole numbers from 1, repeated or between commas. @throws InvalidArgumentError for anything else */
export function wholes(text: string, earlier: readonly number[] = []): number[] {
  return [...earlier, ...words(text).map(whole)];
}

/** A time before now, such as `30d`. @throws InvalidArgumentError for anything else */
export function before(text: string): string {
  if (!/^\d{1,5}[mhdw]$/.test(text))
    throw new InvalidArgumentError('Write a time before now such as 90m, 12h, 30d or 4w.');
  return text;
}

/** Several words, repeated or between commas, one after another. */
export function words(text: string, earlier: readonly string[] = []): string[] {
  return [
    ...earlier,
    ...text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  ];
}

/** Several of these words, repeated or between commas. @throws InvalidArgumentError for another one */
export function several(choices: readonly string[]) {
  return (text: string, earlier: readonly string[] = []): string[] => {
    const all = words(text, earlier);
    if (all.length === 0 || all.some((word) => !choices.includes(word)))
      throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
    return all;
  };
}

/** Several texts, each in an option of its own: a name may hold a comma. */
export function texts(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, text];
}

/** `name=value`, the value as JSON where it is some, else as text. @throws InvalidArgumentError without a name, or for JSON that says something twice */
export function setting(
  text: string,
  earlier: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const [, name, value = ''] = /^([A-Za-z]\w*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined)
    throw new InvalidArgumentError('Write name=value, such as url=https://example.com/events.');
  return { ...earlier, [name]: valueOf(value) };
}

function valueOf(text: string): unknown {
  const read = readJson(text);
  if (read.kind === 'repeated') throw new InvalidArgumentError(`It ${read.fault}.`);
  return read.kind === 'value' ? read.value : text;
}

/** A JSON object. @throws InvalidArgumentError for anything else */
export function jsonObject(text: string): Record<string, unknown> {
  const read = readJson(text);
  if (read.kind !== 'value') throw new InvalidArgumentError(`It ${read.fault}. ${likeThis}`);
  const { value } = read;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new InvalidArgumentError(likeThis);
}

const likeThis = 'Write a JSON object such as \'{"total":25}\'.';

/** A moment: RFC 3339, or so long from now (`90d`). @throws InvalidArgumentError for anything else */
export function moment(text: string): string {
  const [, amount, unit = ''] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  const length = unit === 'w' ? 7 * 86_400 : seconds[unit];
  if (amount !== undefined && length !== undefined)
    return new Date(Date.now() + Number(amount) * length * 1_000).toISOString();
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError(
      'Write a moment such as 2026-10-14T02:00:00Z, or so long from now: 12h, 90d.',
    );
  return new Date(time).toISOString();
}

/** A stretch of the day, `22:00-06:00`, one after another. @throws InvalidArgumentError for anything else */
export function window(text: string, earlier: readonly { from: string; to: string }[] = []) {
  const [, from, to] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? [];
  if (from === undefined || to === undefined)
    throw new InvalidArgumentError('Write hours such as 22:00-06:00.');
  return [...earlier, { from, to }];
}
