import { canary, type Place } from './canaries.ts';
import { commandLine } from './command-line.ts';
import type { Product } from './product.ts';

type Environment = Readonly<Record<string, string>>;

/**
 * Runs commands that show what there is, and some that cannot do what they should, with secrets in their arguments and
 * their environment. @returns what each said
 */
export async function runCommands(
  { apiUrl, databaseUrl }: Product,
  { adminToken, secretKey, folder }: Readonly<Record<'adminToken' | 'secretKey' | 'folder', string>>,
  { destination, replay, event }: Readonly<Record<'destination' | 'replay' | 'event', string>>,
): Promise<Place[]> {
  const cli = commandLine(apiUrl, adminToken, folder);
  const right = { DATABASE_URL: databaseUrl, REPRISE_SECRET_KEY: secretKey, REPRISE_ADMIN_TOKEN: adminToken };
  const wrong = {
    DATABASE_URL: `postgre://user:${canary()}@127.0.0.1/x`,
    REPRISE_SECRET_KEY: canary(),
    REPRISE_ADMIN_TOKEN: canary().slice(0, 11),
  };
  const refused = { DATABASE_URL: databaseUrl.replace(/:[^:@/]+@/, `:${encodeURIComponent(canary())}@`) };
  const changed = ['--set', `secret=whsec_${canary()}`, '--url', `ftp://x/${canary()}`];
  const runs: readonly [readonly string[], Environment?][] = [
    [['doctor'], right],
    [['doctor'], refused],
    [['api'], wrong],
    [['migrate'], refused],
    [['status'], { REPRISE_TOKEN: canary() }],
    [['destination', 'get', destination]],
    [['destination', 'test', destination]],
    [['destination', 'preview', destination, '--event-id', event]],
    [['destination', 'change', destination, ...changed]],
    [['replay', 'report', replay]],
    [['event', 'get', event]],
    [['token', 'list']],
  ];
  const said: Place[] = [];
  const left = [...runs];
  const runNext = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { code, stdout, stderr } = await cli.run(...next);
      const bytes = Buffer.from(`${code}\n${stdout}\n${stderr}`);
      said.push({ name: `reprise ${next[0].slice(0, 2).join(' ')}`, bytes });
    }
  };
  // Two at a time: each is a process.
  await Promise.all([runNext(), runNext()]);
  return said;
}
