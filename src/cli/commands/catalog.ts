import { Option } from 'commander';
import { withExamples, type Register } from '../command.ts';
import { limited, showList } from '../lists.ts';
import type { Session } from '../session.ts';
import type { CatalogEntry, CatalogListed } from '../shapes.ts';
import { facts } from '../table.ts';

interface ListOptions {
  readonly search?: string;
  readonly category?: string;
  readonly auth?: string;
  readonly replay?: string;
  readonly limit: number;
}

/** What can be connected, and what a replay does there. */
export const catalogCommands: Register = (parent, on) => {
  const catalog = parent.command('catalog').description('the destination types that can be connected');
  withExamples(
    limited(
      catalog
        .command('list')
        .description('list destination types; those that can be connected come first')
        .option('--search <words>', 'only those whose name, type or description has all of the words')
        .option('--category <category>', 'only those of a category, such as analytics')
        .addOption(
          new Option('--auth <scheme>', 'only those that ask for such credentials').choices([
            'none',
            'custom',
            'basic',
            'oauth2',
            'oauth-managed',
          ]),
        )
        .addOption(
          new Option('--replay <readiness>', 'only those that are so ready for a replay').choices([
            'ready',
            'limited',
            'careful',
          ]),
        ),
    ).action(on(list)),
    ['reprise catalog list --search google', 'Everything of Google’s'],
    [
      'reprise catalog list --category analytics --replay ready',
      'Where history keeps its times and is known again',
    ],
  );
  withExamples(
    catalog
      .command('get <type>')
      .description('show a destination type: settings, actions, and what a replay can and cannot do there')
      .action(on(get)),
    ['reprise catalog get actions-mixpanel', '--json has every field and mapping'],
  );
};

async function list(session: Session, { search, category, auth, replay, limit }: ListOptions): Promise<void> {
  await showList<CatalogListed>(session, {
    path: '/api/catalog',
    query: {
      ...(search !== undefined && { q: search }),
      ...(category !== undefined && { category }),
      ...(auth !== undefined && { auth }),
      ...(replay !== undefined && { replay }),
    },
    limit,
    headings: ['type', 'name', 'category', 'credentials', 'replay', 'connectable'],
    row: (one) => [
      one.type,
      one.title,
      one.category ?? '',
      one.authentication,
      one.replay,
      one.connectable ? 'yes' : 'no',
    ],
    none: 'The catalog has nothing like that. `reprise catalog list --limit 300` shows all of it.',
  });
}

async function get({ api, out }: Session, _: unknown, [type = '']: readonly string[]): Promise<void> {
  const entry = await api.json<CatalogEntry>(`/api/catalog/${encodeURIComponent(type)}`);
  if (out.json) return out.document(entry);
  const settings = entry.settings.map(({ name, required }) =>
    required === true ? `${name} (needed)` : name,
  );
  const presets = entry.presets.map(({ name }) => name);
  const pairs: [string, string][] = [
    ['Type', entry.type],
    ['Name', entry.title],
    ['Category', entry.category ?? ''],
    ['Connectable', entry.notConnectable === null ? 'yes' : `no: ${entry.notConnectable}`],
    ['Credentials', entry.authentication.scheme],
    ['Settings', settings.join(', ')],
    ['Actions', entry.actions.map(({ name }) => name).join(', ')],
    ['Begins with', presets.join(', ')],
    ['Replay', entry.replay.readiness],
  ];
  const shown = pairs.filter(([, value]) => value !== '');
  out.data(facts(shown, out.width));
  for (const sentence of entry.replay.explanation) out.data(`- ${sentence}`);
}
