import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import { given } from '../given.ts';
import { named } from '../names.ts';
import type { Session } from '../session.ts';
import type { Destination } from '../shapes.ts';
import { plain } from '../texts.ts';
import { orNull, sourcesOf, withSettings, type OrNone, type SettingOptions } from './destination-settings.ts';

interface ChangeOptions extends SettingOptions {
  readonly name?: string;
  readonly region?: string;
  readonly filter?: OrNone<string>;
  readonly enable?: boolean;
  readonly disable?: boolean;
  readonly newAccount?: boolean;
}

/** Changing a destination, and taking it away. */
export const destinationChanges: Register = (destination, on) => {
  const changing = destination
    .command('change <destination>')
    .description('change a destination; it holds within a second for whatever is sent from then on')
    .option('--name <name>', 'another name')
    .option('--region <region>', 'where it keeps what it is sent; none: not stated')
    .option('--filter <fql>', 'only events for which this FQL holds; none: every event');
  withExamples(
    withSettings(changing, true)
      .option('--enable', 'send it new events from now on')
      .option('--disable', 'send it none; a replay can send them later')
      .option('--new-account', 'its settings name an account that has nothing yet')
      .action(on(change)),
    ['reprise destination change demo-crm --rate 50/s', 'Its account bears no more'],
    [
      'reprise destination change demo-crm --set secret=null',
      'A secret that can be generated is, and shown this one time',
    ],
    [
      `reprise destination change demo-crm --filter 'type = "track"'`,
      'What was kept away until then can be sent by a replay',
    ],
  );
  withExamples(
    destination
      .command('delete <destination>')
      .description('take a destination away; its replays end, its events stay in the archive')
      .action(on(remove)),
    ['reprise destination delete demo-crm --yes', 'Without asking'],
  );
};

async function change(
  session: Session,
  options: ChangeOptions,
  [asked = '']: readonly string[],
): Promise<void> {
  if (options.enable === true && options.disable === true)
    throw new Failure(exits.usage, '--enable and --disable cannot both be meant.');
  const { name, url, set, newAccount } = options;
  const enabled = options.enable === true ? true : options.disable === true ? false : undefined;
  const body = given({
    name,
    region: orNull(options.region),
    filter: orNull(options.filter),
    settings: given({ url, ...set }),
    sources: await sourcesOf(session.api, options.sources),
    budget: given({
      eventsPerSecond: orNull(options.rate),
      requestsPerSecond: orNull(options.requestRate),
      maxConcurrent: orNull(options.concurrency),
    }),
    enabled,
    newAccount,
  });
  if (body === undefined) throw new Failure(exits.usage, 'Say what is to change. (--help shows what can)');
  const { id } = await named<Destination>(session.api, 'destination', asked);
  const changed = await session.api.json<Destination & { generated?: Record<string, string> }>(
    `/api/destinations/${id}`,
    { method: 'PATCH', body },
  );
  const { out } = session;
  if (out.json) return out.document(changed);
  out.data(changed.id);
  for (const [setting, value] of Object.entries(changed.generated ?? {}))
    out.data(`${setting}  ${plain(value)}`);
}

async function remove(session: Session, _: unknown, [asked = '']: readonly string[]): Promise<void> {
  const { id, name } = await named<Destination>(session.api, 'destination', asked);
  await session.confirm(`Take "${plain(name)}" away for good?`);
  await session.api.json(`/api/destinations/${id}`, { method: 'DELETE' });
  session.out.say(`"${plain(name)}" is gone.`);
}
