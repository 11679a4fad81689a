import { literalProblem } from './check-literal.ts';
import { holds, isObject } from './conditions.ts';
import type { DescribedDefinition, Field } from './document.ts';
import { unknownMember, type Fault } from './fault.ts';

type Path = readonly PropertyKey[];

const token = (name: string, label: string, description: string): Field => ({
  name,
  type: 'password',
  label,
  description,
  secret: true,
});

/** What definitions with OAuth need beside their own settings: nobody here can send people to a vendor's consent page. */
const oauthField: Field = {
  name: 'oauth',
  type: 'object',
  label: 'OAuth',
  description: 'Tokens of an application of yours at the vendor.',
  required: true,
  secret: true,
  fields: [
    { ...token('accessToken', 'Access token', 'What requests are authorised by.'), required: true },
    token('refreshToken', 'Refresh token', 'Fetches a new access token when the old one has run out.'),
    token('clientId', 'Client ID', 'Of your application, to refresh with.'),
    token('clientSecret', 'Client secret', 'Of your application, to refresh with.'),
  ],
};

/** All settings that a definition is connected with, in the order of its form. */
export function settingsFields({
  settings,
  authentication,
}: Pick<DescribedDefinition, 'settings' | 'authentication'>): readonly Field[] {
  const { scheme } = authentication;
  return scheme === 'oauth2' || scheme === 'oauth-managed' ? [...settings, oauthField] : settings;
}

/**
 * Checks settings against a definition: names, what has to be there, types, choices, conditions. Addresses in them are
 * another matter (`egress-url.ts`).
 * @returns what is wrong; paths begin in the settings
 */
export function checkCatalogSettings(
  document: Pick<DescribedDefinition, 'settings' | 'authentication'>,
  settings: unknown,
): Fault[] {
  return checkMembers(settingsFields(document), settings, []);
}

function checkMembers(fields: readonly Field[], given: unknown, path: Path): Fault[] {
  if (!isObject(given)) return [{ path, problem: 'Expected an object.' }];
  const known = fields.map(({ name }) => name);
  const wrong = Object.entries(given).flatMap(([name, value]) => {
    const field = fields.find((one) => one.name === name);
    return field === undefined
      ? [unknownMember(path, name, known)]
      : checkSetting(field, value, [...path, name]);
  });
  // Conditions are about what the definition will see, defaults included.
  const complete = { ...defaultsOf(fields), ...given };
  const missing = fields
    .filter((field) => isNeeded(field, complete) && isEmpty(complete[field.name]))
    .map(({ name, label }) => ({ path: [...path, name], problem: `Missing: "${label}" is needed.` }));
  return [...wrong, ...missing];
}

/** The settings that a definition has when nobody says otherwise. */
export function defaultsOf(fields: readonly Field[]): Record<string, unknown> {
  const having = fields.filter((field) => field.default !== undefined);
  return Object.fromEntries(having.map((field) => [field.name, field.default]));
}

const isNeeded = ({ required }: Field, values: Readonly<Record<string, unknown>>) =>
  required === true || (required !== undefined && holds(required, values) === true);

const isEmpty = (value: unknown) => value === undefined || value === null || value === '';

function checkSetting(field: Field, value: unknown, path: Path): Fault[] {
  // A default may be no choice: the definition knows what it makes of it.
  if (isEmpty(value) || value === field.default) return [];
  if (field.multiple === true) {
    if (!Array.isArray(value)) return [{ path, problem: 'Expected an array.' }];
    const { multiple: _, ...one } = field;
    return value.flatMap((item, index) => checkSetting(one, item, [...path, index]));
  }
  if (field.type === 'object') return checkMembers(field.fields ?? [], value, path);
  const problem = exactProblem(field, value) ?? uriProblem(field, value) ?? literalProblem(field, value);
  return problem === null ? [] : [{ path, problem }];
}

/** An address is fetched as it stands there, so it has a scheme. */
function uriProblem({ format, choices }: Field, value: unknown): string | null {
  if (format !== 'uri' || choices !== undefined) return null;
  const isUri = /^https?:\/\/[^\s/?#]/i.test(String(value)) && URL.canParse(String(value));
  return isUri ? null : 'Expected an address such as "https://api.example.com".';
}

/** Settings reach the definition as they are, so nothing converts them. */
function exactProblem({ type, choices }: Field, value: unknown): string | null {
  if (choices !== undefined && choices.every((choice) => choice.value !== value)) {
    // Told with the choices by whoever knows them.
    return choices.length > 12 ? 'Expected one of the choices.' : null;
  }
  switch (type) {
    case 'number':
    case 'integer':
      return typeof value === 'number' ? null : 'Expected a number.';
    case 'boolean':
      return typeof value === 'boolean' ? null : 'Expected a boolean.';
    default:
      return typeof value === 'string' ? null : 'Expected a text.';
  }
}
