import type { Config } from '../../config.ts';
import { schemaState, type SchemaState } from '../../db/schema-state.ts';
import { closedWords, secretKeyState } from '../../db/secret-key-state.ts';
import { serverFacts, type ServerFacts } from '../../db/server-facts.ts';
import { createKeyring, keyIdsOf } from '../../destinations/secrets.ts';
import { letsNobodyIn } from '../../temporal/namespace.ts';
import { openOrchestrator, type Orchestrator } from '../../temporal/orchestrator.ts';
import { clock, fail, ok, warn, type Check } from '../check.ts';
import { count } from '../texts.ts';
import { reasonOf } from './reason.ts';

/** The oldest one that is supported; keep with docs/deployment.md. */
const oldestPostgres = 15;
/** With which the tests run. */
const testedPostgres = 18;

/** Postgres by its own address, where the environment gives one; that of `npm start` is asked for by the API. */
export async function postgres(config: Config): Promise<Check[]> {
  const url = config.DATABASE_URL;
  if (url === undefined) return [];
  try {
    const [state, facts] = [await schemaState(url), await serverFacts(url)];
    return [
      ok('Postgres', `${placeOf(url)} answers`),
      version(facts),
      rights(facts),
      migrations(state),
      clock('Clock of Postgres', state.now),
      ...(state.missing.length > 0 ? [] : await secretKey(config, url)),
    ];
  } catch (error) {
    return [
      fail(
        'Postgres',
        `${placeOf(url)}: ${reasonOf(error)}`,
        'See that it runs and that DATABASE_URL is right: host, port, user, password, database, sslmode.',
      ),
    ];
  }
}

/** Without its password. */
function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return host + pathname;
}

function version({ version: text, major }: ServerFacts): Check {
  const name = 'Version of Postgres';
  if (major < oldestPostgres)
    return fail(name, `${text} is too old`, `Use Postgres ${testedPostgres}; ${oldestPostgres} at least.`);
  if (major < testedPostgres)
    return warn(name, text, `The tests run with Postgres ${testedPostgres}: use it where you can.`);
  return ok(name, text);
}

function rights({ mayCreate, writable, user }: ServerFacts): Check {
  const name = 'Rights in Postgres';
  if (!writable)
    return fail(name, 'it takes no writes', 'Name the primary in DATABASE_URL, not a standby of it.');
  if (!mayCreate)
    return fail(
      name,
      `${user} may make no tables`,
      `Let it: \`grant create, usage on schema public to "${user}"\`. Partitions of the archive are made while it runs.`,
    );
  return ok(name, `${user} may make tables and write`);
}

function migrations({ missing, unknown }: SchemaState): Check {
  const name = 'Migrations';
  if (missing.length > 0)
    return fail(
      name,
      `${count(missing.length)} not applied, the first is ${missing[0]}`,
      'Run `reprise migrate`.',
    );
  if (unknown.length > 0)
    return warn(
      name,
      `a newer version has applied ${unknown.join(', ')}`,
      'Run that version, or a newer one.',
    );
  return ok(name, 'all applied');
}

/** Whether processes with this environment could start: they refuse to with a key that opens nothing. */
async function secretKey(config: Config, url: string): Promise<Check[]> {
  const {
    REPRISE_SECRET_KEY: key,
    REPRISE_OTHER_SECRET_KEYS: others,
    REPRISE_LOST_SECRET_KEYS: lost,
  } = config;
  if (key === undefined) return [];
  const name = 'Secret key of this environment';
  const known = keyIdsOf(createKeyring(key, ...others));
  const { verdict, closed } = await secretKeyState(url, { known, lost });
  if (verdict === 'fits') return [ok(name, 'opens all settings that are sealed')];
  const stays = `does not open ${closedWords(closed)}`;
  const remedy =
    'Set REPRISE_SECRET_KEY to the key that sealed them, or have that in REPRISE_OTHER_SECRET_KEYS; docs/secret-key.md says what to do when it is lost.';
  return [
    verdict === 'wrong'
      ? fail(name, `${stays}, and nothing else: API and delivery workers would not start`, remedy)
      : warn(name, stays, remedy),
  ];
}

/** Temporal, where the environment gives an address. */
export async function temporal(config: Config): Promise<Check[]> {
  const address = config.TEMPORAL_ADDRESS;
  if (address === undefined) return [];
  const orchestrator = openOrchestrator(config);
  try {
    await orchestrator.check();
    return [ok('Temporal', `${address} answers`), ...(await namespace(orchestrator, config))];
  } catch (error) {
    return [
      fail(
        'Temporal',
        `${address}: ${reasonOf(error)}`,
        `${letsNobodyIn(error) ? 'It answers, but not to this: see TEMPORAL_API_KEY, or the client certificate' : 'See that it runs, and TEMPORAL_ADDRESS, TLS and API key'}; what comes in meanwhile is kept and delivered later.`,
      ),
    ];
  } finally {
    await orchestrator.close();
  }
}

async function namespace(orchestrator: Orchestrator, config: Config): Promise<Check[]> {
  const name = 'Namespace';
  try {
    const facts = await orchestrator.namespace();
    if (facts.kind === 'missing')
      return [
        fail(
          name,
          `there is no ${facts.name}`,
          `Make it (\`temporal operator namespace create -n ${facts.name}\`), or name another one in TEMPORAL_NAMESPACE.`,
        ),
      ];
    const { retentionDays: days, missingAttributes: missing } = facts;
    const kept = days === null ? '' : `, keeps what has ended for ${days} day${days === 1 ? '' : 's'}`;
    return [ok(name, `${facts.name} is there${kept}`), ...attributes(missing, facts.name)];
  } catch (error) {
    return [
      fail(
        name,
        `${config.TEMPORAL_NAMESPACE}: ${reasonOf(error)}`,
        'See that API key or certificate open this namespace.',
      ),
    ];
  }
}

function attributes(missing: readonly string[] | null, namespaceName: string): Check[] {
  const name = 'Search attributes';
  if (missing === null) return [ok(name, 'this server does not tell them')];
  if (missing.length === 0) return [ok(name, 'known')];
  const options = missing.map((one) => `--name ${one} --type Keyword`).join(' ');
  return [
    warn(
      name,
      `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not known`,
      `API and workers make them where they may; else \`temporal operator search-attribute create -n ${namespaceName} ${options}\`.`,
    ),
  ];
}
