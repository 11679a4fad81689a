import { withExamples, type Register } from '../command.ts';
import { limited, showList } from '../lists.ts';
import type { Session } from '../session.ts';
import type { Source } from '../shapes.ts';
import { facts } from '../table.ts';
import { count, moment } from '../texts.ts';

/** Who sends events. */
export const sourceCommands: Register = (parent, on) => {
  const source = parent.command('source').description('who sends events, and their write keys');
  withExamples(limited(source.command('list').description('list sources, newest first')).action(on(list)), [
    'reprise source list',
    'With what came from each in the last hour',
  ]);
  withExamples(
    source
      .command('create <name>')
      .description('make a source; its write key goes into the SDKs')
      .action(on(create)),
    ['reprise source create "Web shop"', 'With -q the write key alone is printed'],
  );
};

async function list(session: Session, { limit }: { limit: number }): Promise<void> {
  await showList<Source>(session, {
    path: '/api/sources',
    query: {},
    limit,
    headings: ['id', 'name', 'write key', 'last seen', 'last hour', 'rejected'],
    row: (one) => [
      one.id,
      one.name,
      one.writeKey ?? '',
      moment(one.lastSeenAt),
      count(one.lastHour.received),
      count(one.lastHour.rejected),
    ],
    none: 'There is no source yet. `reprise source create <name>` makes one.',
  });
}

async function create(session: Session, _: unknown, [name = '']: readonly string[]): Promise<void> {
  const made = await session.api.json<Source>('/api/sources', {
    method: 'POST',
    body: { name },
    creates: true,
  });
  const { out } = session;
  if (out.json) return out.document(made);
  if (out.quiet) return out.data(made.writeKey ?? '');
  out.data(
    facts(
      [
        ['Source', made.id],
        ['Name', made.name],
        ['Write key', made.writeKey ?? '–'],
      ],
      out.width,
    ),
  );
  out.say(`Next: reprise event send track --source ${made.id} --user me --name Hello`);
}
