import { describe, expect, test } from 'vitest';
import {
  checkCatalogSettings,
  defaultsOf,
  settingsFields,
} from '../../src/destinations/catalog/check-settings.ts';
import type { Field } from '../../src/destinations/catalog/document.ts';
import { catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';

const documents = catalogSummaries()
  .filter(({ folder }) => folder !== null)
  .map(({ type }) => readCatalogDocument(type)!);

/** Faults as `place: text`. */
function faultsOf(type: string, settings: unknown): string[] {
  const faults = checkCatalogSettings(readCatalogDocument(type)!, settings);
  return faults.map(({ path, problem }) => `${path.join('/')}: ${problem}`);
}

/** A value that a field takes. */
function valueOf(field: Field): unknown {
  const { type, choices, default: usual, minimum = 0, multiple, fields = [] } = field;
  if (usual !== undefined && usual !== '') return usual;
  const one =
    choices?.[0]?.value ??
    (type === 'number'
      ? Math.max(1, minimum)
      : type === 'boolean'
        ? true
        : type === 'object'
          ? completed(fields)
          : field.format === 'uri'
            ? 'https://api.example.com'
            : 'x'.repeat(Math.max(1, minimum)));
  return multiple === true ? [one] : one;
}

const completed = (fields: readonly Field[]): Record<string, unknown> =>
  Object.fromEntries(fields.map((field) => [field.name, valueOf(field)]));

describe('every definition', () => {
  test('takes its settings when all are given, and its defaults', () => {
    const wrong = documents.flatMap((document) => {
      const fields = settingsFields(document);
      return [
        completed(fields),
        { ...completed(fields.filter(({ required }) => required !== undefined)) },
      ].flatMap((settings) =>
        checkCatalogSettings(document, settings).map((fault) => [document.type, fault]),
      );
    });
    expect(wrong).toEqual([]);
  });

  test('refuses each setting that it needs when it is left out, unless it has a default', () => {
    const needed = documents.flatMap((document) =>
      settingsFields(document)
        .filter((field) => field.required === true && (field.default === undefined || field.default === ''))
        .map((field) => ({ document, field })),
    );
    expect(needed.length).toBeGreaterThan(250);
    for (const { document, field } of needed) {
      const settings = completed(settingsFields(document).filter((one) => one !== field));
      const paths = checkCatalogSettings(document, settings).map(({ path }) => path.join('/'));
      expect(paths, `${document.type} ${field.name}`).toContain(field.name);
    }
  });

  test('refuses a setting that it does not know', () => {
    for (const document of documents) {
      const settings = { ...completed(settingsFields(document)), zzzz: 1 };
      expect(checkCatalogSettings(document, settings), document.type).toHaveLength(1);
    }
  });

  test('keeps all that it is connected with secret', () => {
    for (const document of documents) {
      for (const field of settingsFields(document)) expect(field.secret, document.type).toBe(true);
    }
  });
});

describe('settings', () => {
  test('are told by the nearest name', () => {
    expect(faultsOf('actions-mixpanel', { projectTokn: 'a', projectToken: 'a', apiSecret: 'b' })).toEqual([
      'projectTokn: "projectTokn" is not known here. Did you mean "projectToken"?',
    ]);
  });

  test('have the type that their definition asks for, as it is', () => {
    expect(faultsOf('actions-mixpanel', { projectToken: 5, apiSecret: 'b' })).toEqual([
      'projectToken: Expected a text.',
    ]);
    const posthog = { api_key: 'a', project_id: 'b', endpoint: 'https://us.i.posthog.com' };
    expect(faultsOf('actions-posthog', { ...posthog, historical_migration: 'true' })).toEqual([
      'historical_migration: Expected a boolean.',
    ]);
    expect(faultsOf('actions-mixpanel', 'projectToken')).toEqual([': Expected an object.']);
  });

  test('are one of the choices where there are some', () => {
    const [fault] = faultsOf('actions-mixpanel', { projectToken: 'a', apiSecret: 'b', apiRegion: 'Mars' });
    expect(fault).toMatch(/^apiRegion: Expected one of: "US/);
  });

  test('are needed when others make them so', () => {
    const sftp = readCatalogDocument('actions-sftp')!;
    const common = completed(
      sftp.settings.filter(({ name }) => !['sftp_password', 'sftp_ssh_key'].includes(name)),
    );
    const paths = (settings: object) =>
      checkCatalogSettings(sftp, settings).map(({ path }) => path.join('/'));
    expect(paths({ ...common, auth_type: 'password' })).toEqual(['sftp_password']);
    expect(paths({ ...common, auth_type: 'ssh_key' })).toEqual(['sftp_ssh_key']);
    expect(paths({ ...common, auth_type: 'password', sftp_password: 'x' })).toEqual([]);
  });

  test('of definitions with OAuth hold tokens', () => {
    expect(faultsOf('actions-intercom-cloud', {})).toEqual(['oauth: Missing: "OAuth" is needed.']);
    expect(faultsOf('actions-intercom-cloud', { oauth: {} })).toEqual([
      'oauth/accessToken: Missing: "Access token" is needed.',
    ]);
    expect(faultsOf('actions-intercom-cloud', { oauth: { accessToken: 'a', token: 'b' } })[0]).toMatch(
      /not known/,
    );
    expect(faultsOf('actions-intercom-cloud', { oauth: { accessToken: 'a' } })).toEqual([]);
  });

  test('that have a default need not be given', () => {
    const amplitude = readCatalogDocument('actions-amplitude')!;
    expect(defaultsOf(amplitude.settings)).toEqual({ endpoint: 'north_america' });
    expect(checkCatalogSettings(amplitude, { apiKey: 'a', secretKey: 'b' })).toEqual([]);
  });
});

test.each(['not-a-url', 'gopher://x', 'api.klime.com', 'https://', 'https:///x', 'ftp://a.example.com'])(
  'an address that is none of the web, %s, is refused where it is typed',
  (apiEndpoint) => {
    expect(faultsOf('actions-klime', { apiEndpoint, writeKey: 'k' })).toEqual([
      'apiEndpoint: Expected an address such as "https://api.example.com".',
    ]);
  },
);
