import { liquidProblem } from './check-liquid.ts';
import { isMapped, isObject } from './conditions.ts';
import { unknownMember, type Fault } from './fault.ts';

type Path = readonly PropertyKey[];
type Check = (value: unknown, path: Path) => Fault[];

const fault = (path: Path, problem: string): Fault[] => [{ path, problem }];
/** Characters of a `@template` or a path; longer ones are no texts that people write. */
const longestText = 5_000;
/** The framework's own bound on what `@replace` looks for and puts there. */
const longestPattern = 10;

/**
 * Checks any value of a mapping for the directives in it: what `@segment/actions-core` would refuse for every event, and
 * what it would silently ignore.
 */
export function checkMapped(value: unknown, path: Path): Fault[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => checkMapped(item, [...path, index]));
  if (!isObject(value)) return [];
  if (isMapped(value)) return checkDirective(value, path);
  return Object.entries(value).flatMap(([name, member]) => checkMapped(member, [...path, name]));
}

function checkDirective(value: Readonly<Record<string, unknown>>, path: Path): Fault[] {
  const [name = '', ...more] = Object.keys(value).filter((key) => key !== '_metadata');
  if (more.length > 0 || !name.startsWith('@')) {
    return fault(path, 'A directive stands alone: an object with "@" names has exactly one member.');
  }
  const check = directives.get(name);
  if (check === undefined) return [unknownMember(path, name, [...directives.keys()])];
  return check(value[name], [...path, name]);
}

const text: Check = (value, path) => {
  if (isMapped(value)) return checkMapped(value, path);
  if (typeof value !== 'string') return fault(path, 'Expected a text or a directive.');
  return value.length <= longestText ? [] : fault(path, `Expected at most ${longestText} characters.`);
};

const pattern: Check = (value, path) =>
  typeof value === 'string' && value.length >= 1 && value.length <= longestPattern
    ? []
    : fault(path, `Expected a text of 1 to ${longestPattern} characters.`);

const replacement: Check = (value, path) =>
  typeof value === 'string' && value.length <= longestPattern
    ? []
    : fault(path, `Expected a text of at most ${longestPattern} characters.`);

const flag: Check = (value, path) => (typeof value === 'boolean' ? [] : fault(path, 'Expected a boolean.'));

const oneOf =
  (...words: readonly string[]): Check =>
  (value, path) =>
    typeof value === 'string' && words.includes(value)
      ? []
      : fault(path, `Expected ${words.map((word) => `"${word}"`).join(' or ')}.`);

const list: Check = (value, path) =>
  Array.isArray(value) ? checkMapped(value, path) : fault(path, 'Expected an array.');

const shape: Check = (value, path) =>
  isObject(value) ? checkMapped(value, path) : fault(path, 'Expected an object.');

/** An object of options: each checked by its own rule, `needed` being those without which it does nothing. */
function options(rules: Readonly<Record<string, Check>>, ...needed: readonly string[]): Check {
  return (value, path) => {
    if (!isObject(value)) return fault(path, `Expected an object with ${Object.keys(rules).join(', ')}.`);
    const missing = needed
      .filter((name) => value[name] === undefined)
      .map((name) => ({ path: [...path, name], problem: 'Missing: this directive needs it.' }));
    const wrong = Object.entries(value).flatMap(([name, member]) => {
      const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
      return rule === undefined
        ? [unknownMember(path, name, Object.keys(rules))]
        : rule(member, [...path, name]);
    });
    return [...missing, ...wrong];
  };
}

const checkIf: Check = (value, path) => {
  const faults = options({ exists: checkMapped, blank: checkMapped, then: checkMapped, else: checkMapped })(
    value,
    path,
  );
  if (!isObject(value) || value['exists'] !== undefined || value['blank'] !== undefined) return faults;
  return [...faults, ...fault(path, '@if needs "exists" or "blank".')];
};

const checkArrayPath: Check = (value, path) => {
  if (!Array.isArray(value) || value.length < 1 || value.length > 2) {
    return fault(path, 'Expected an array: the path, and how each item is mapped.');
  }
  const items = value.length === 2 ? checkMapped(value[1], [...path, 1]) : [];
  return [...text(value[0], [...path, 0]), ...items];
};

const checkLiquid: Check = (value, path) => {
  if (typeof value !== 'string') return fault(path, 'Expected a text.');
  const problem = liquidProblem(value);
  return problem === null ? [] : fault(path, problem);
};

/** Every directive of the framework's mapping kit. */
const directives: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['@path', text],
  ['@template', text],
  ['@literal', checkMapped],
  ['@if', checkIf],
  ['@case', options({ operator: oneOf('lower', 'upper'), value: text }, 'operator')],
  [
    '@replace',
    options(
      {
        value: text,
        pattern,
        replacement,
        pattern2: replacement,
        replacement2: replacement,
        ignorecase: flag,
        global: flag,
      },
      'pattern',
      'value',
    ),
  ],
  ['@arrayPath', checkArrayPath],
  ['@flatten', options({ separator: text, value: checkMapped, omitArrays: flag }, 'separator', 'value')],
  ['@json', options({ value: checkMapped, mode: oneOf('encode', 'decode') }, 'value', 'mode')],
  ['@merge', options({ direction: oneOf('left', 'right'), objects: list }, 'direction', 'objects')],
  ['@transform', options({ apply: shape, mapping: shape }, 'apply', 'mapping')],
  ['@excludeWhenNull', checkMapped],
  ['@liquid', checkLiquid],
]);

/** The names of all directives that a mapping may use. */
export const directiveNames: readonly string[] = [...directives.keys()];
