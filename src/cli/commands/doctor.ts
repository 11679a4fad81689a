import { certificateChecks } from '../certificate.ts';
import type { ApiClient } from '../client.ts';
import { clock, fail, ok, warn, type Check } from '../check.ts';
import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import { notReprise } from '../not-reprise.ts';
import type { Session } from '../session.ts';
import type { Destination, Notification, Page } from '../shapes.ts';
import { plain } from '../texts.ts';

/** Each call of it is short: something is wrong, or it would not be asked. */
const callMs = 5_000;
const seeAddress = 'See that Reprise runs, and that host and port of its address are right.';
const marks = { ok: ['green', '✓'], warn: ['yellow', '!'], fail: ['red', '✗'] } as const;

/** Looks for what is wrong, and says what helps. */
export const doctorCommand: Register = (parent, on) => {
  withExamples(
    parent.command('doctor').description('look for what is wrong, and say what helps').action(on(doctor)),
    ['reprise doctor', 'Exit code 1 when something fails; warnings alone are 0'],
  );
};

async function doctor(session: Session): Promise<void> {
  const { out } = session;
  const { localChecks } = await import('../local/checks.ts');
  const all = [...(await localChecks()), ...(await remoteChecks(session))];
  if (out.json) out.document(all);
  else for (const check of all) show(session, check);
  const failed = all.filter(({ result }) => result === 'fail');
  if (failed.length > 0) throw new Failure(exits.error, '');
}

function show({ out }: Session, { name, result, detail, remedy }: Check): void {
  const [style, mark] = marks[result];
  out.data(`${out.paint(style, mark, 'stdout')} ${name}: ${plain(detail)}`);
  if (remedy !== null) out.data(`    ${remedy}`);
}

/** What there is to see of the API from here. */
async function remoteChecks(session: Session): Promise<Check[]> {
  try {
    const { url } = session.api.address;
    const both = await Promise.all([apiChecks(session), certificateChecks(url, callMs)]);
    return both.flat();
  } catch (error) {
    return away(error);
  }
}

/** What the API itself tells: whether it is there, what it reaches, whether the token opens it, its key, its clock. */
async function apiChecks({ api }: Session): Promise<Check[]> {
  try {
    const response = await api.open('/readyz', { accepts: 503, deadlineMs: callMs });
    const ready = (await response.json().catch(() => ({}))) as Partial<Record<string, string>>;
    if (ready['status'] === undefined) throw notReprise(response.status, '/readyz', api.address);
    const date = response.headers.get('date');
    const part = (what: 'Postgres' | 'Temporal', remedy: string) =>
      ready[what.toLowerCase()] === 'ok'
        ? ok(`API's ${what}`, 'answers')
        : fail(`API's ${what}`, 'does not answer', remedy);
    return [
      ok('API', `${api.address.url} (from ${api.address.from}) is ${ready['status']}`),
      part('Postgres', 'See that it runs: without it nothing is taken in and nothing delivered.'),
      part('Temporal', 'See that it runs: without it events are taken in, and delivered once it is back.'),
      ...schemaChecks(ready['schema']),
      ...(date === null ? [] : [clock('Clock of the API', new Date(date), 1_000)]),
      ...(await tokenChecks(api)),
    ];
  } catch (error) {
    return away(error);
  }
}

function away(error: unknown): Check[] {
  if (!(error instanceof Failure)) throw error;
  const remedies = error.hints.filter((hint) => !hint.includes('doctor'));
  return [fail('API', error.message, remedies.length > 0 ? remedies.join(' ') : seeAddress)];
}

/** The schema as the API finds it; nothing where it cannot look. */
function schemaChecks(schema: string | undefined): Check[] {
  const name = "API's schema";
  if (schema === 'behind') return [fail(name, 'is older than its version', 'Run `reprise migrate`.')];
  if (schema === 'ahead')
    return [warn(name, 'a newer version has migrated it', 'Let all processes be of that version.')];
  return schema === 'current' ? [ok(name, 'is current')] : [];
}

async function tokenChecks(api: ApiClient): Promise<Check[]> {
  try {
    const { data } = await api.json<Page<Destination>>('/api/destinations', {
      query: { limit: 200 },
      deadlineMs: callMs,
    });
    const sealed = data.filter(({ settingsSet }) => settingsSet === null).map(({ name }) => name);
    const told = await api.json<Page<Notification>>('/api/notifications', {
      query: { limit: 200 },
      deadlineMs: callMs,
    });
    for (const { name, url } of told.data) if (url === null) sealed.push(`the notification ${name}`);
    const key =
      sealed.length === 0
        ? ok('Secret key', 'opens the settings of all destinations and notifications')
        : fail(
            'Secret key',
            `does not open the settings of ${sealed.join(', ')}`,
            'Start API and workers with the REPRISE_SECRET_KEY that these were sealed with, or give their settings anew.',
          );
    return [ok('Token', `from ${api.address.tokenFrom} is accepted`), key, ...(await processChecks(api))];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { tokenFrom } = api.address;
    const given = tokenFrom === null ? 'none was found' : `from ${tokenFrom}: ${error.message}`;
    return [
      fail(
        'Token',
        given,
        'Give one that this API knows: --token, REPRISE_TOKEN, or go to the folder of its `npm start`.',
      ),
    ];
  }
}

interface Process {
  readonly role: string;
  readonly version: string;
  readonly keyIds: readonly string[];
}

/** Whether whatever an API seals is opened by all: a start compares keys with what is sealed, and there may be nothing yet. */
function keysOfProcesses(processes: readonly Process[]): Check[] {
  const sealing = processes.flatMap(({ role, keyIds }) => (role === 'api' ? keyIds.slice(0, 1) : []));
  const without = processes.filter(
    ({ role, keyIds }) => role !== 'orchestration' && sealing.some((id) => !keyIds.includes(id)),
  );
  if (without.length === 0) return [];
  const named = without.map(({ role, keyIds }) => `${role} with ${keyIds.join(', ')}`).join('; ');
  return [
    fail(
      'Secret keys of processes',
      `API seals with ${[...new Set(sealing)].join(', ')}, which is not known to all: ${named}`,
      'Give all of them the same REPRISE_SECRET_KEY; while it is changed, the others in REPRISE_OTHER_SECRET_KEYS.',
    ),
  ];
}

/** Whether there is somebody for each kind of work, and all are of one version. */
async function processChecks(api: ApiClient): Promise<Check[]> {
  const { data } = await api.json<{ data: readonly Process[] }>('/api/processes', { deadlineMs: callMs });
  const roles = ['api', 'orchestration', 'delivery'].map(
    (role) => [role, data.filter((one) => one.role === role).length] as const,
  );
  const missing = roles.filter(([, number]) => number === 0).map(([role]) => role);
  const versions = [...new Set(data.map(({ version }) => version))];
  const keys = keysOfProcesses(data);
  const name = 'Processes';
  const detail = roles.map(([role, number]) => `${number} ${role}`).join(', ');
  if (missing.length > 0)
    return [
      fail(
        name,
        `${detail}: nobody delivers`,
        `Start what is missing: ${missing.map((role) => `\`reprise worker ${role}\``).join(', ')}.`,
      ),
      ...keys,
    ];
  if (versions.length > 1)
    return [
      warn(
        name,
        `${detail}, of the versions ${versions.join(', ')}`,
        'Let all of them be of one version once the upgrade is done.',
      ),
      ...keys,
    ];
  return [ok(name, detail), ...keys];
}
