import { Option } from 'commander';
import { roles } from '../../core/role.ts';
import { moment as momentOf } from '../arguments.ts';
import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import { limited, showList } from '../lists.ts';
import type { Session } from '../session.ts';
import type { Token, TokenWithText } from '../shapes.ts';
import { facts } from '../table.ts';
import { moment, plain } from '../texts.ts';

/** What opens the API to people and programs. */
export const tokenCommands: Register = (parent, on) => {
  const token = parent.command('token').description('what opens the API to people and programs');
  withExamples(
    token
      .command('create <name>')
      .description('make a token; it is shown this one time')
      .addOption(new Option('--role <role>', 'what it may do').choices([...roles]).makeOptionMandatory())
      .addOption(
        new Option('--expires <moment>', 'from then on it is refused: 90d, 2127-01-31T00:00:00Z').argParser(
          momentOf,
        ),
      )
      .action(on(create)),
    ['reprise token create Dashboard --role viewer --expires 90d', 'It reads, for ninety days'],
    ['REPRISE_TOKEN="$(reprise token create CI --role operator -q)"', 'The token alone, for a script'],
  );
  withExamples(
    limited(token.command('list').description('list tokens, newest first'))
      .addOption(new Option('--role <role>', 'only those of this role').choices([...roles]))
      .option('--usable', 'only those that are accepted')
      .action(on(list)),
    ['reprise token list --usable', 'Without those that were revoked or have expired'],
  );
  withExamples(
    token
      .command('revoke <token>')
      .description('refuse a token from now on, for good (its id or name)')
      .action(on(revoke)),
    ['reprise token revoke Dashboard --yes', 'Without asking'],
  );
};

async function create(
  session: Session,
  { role, expires }: { role: string; expires?: string },
  [name = '']: readonly string[],
) {
  const body = { name, role, ...(expires !== undefined && { expiresAt: expires }) };
  const made = await session.api.json<TokenWithText>('/api/tokens', { method: 'POST', body, creates: true });
  const { out } = session;
  if (out.json) return out.document(made);
  if (out.quiet) return out.data(made.token);
  out.data(
    facts(
      [
        ['Id', made.id],
        ['Name', made.name],
        ['Role', made.role],
        ['Expires', made.expiresAt === null ? 'never' : moment(made.expiresAt)],
      ],
      out.width,
    ),
  );
  out.data(`Token  ${made.token}`);
  out.say('It is not shown again. `export REPRISE_TOKEN=…` uses it here.');
}

async function list(
  session: Session,
  { limit, role, usable }: { limit: number; role?: string; usable?: boolean },
) {
  await showList<Token>(session, {
    path: '/api/tokens',
    query: { role, usable: usable === true ? 'true' : undefined },
    limit,
    headings: ['id', 'name', 'role', 'last used', 'expires', 'revoked'],
    row: (one) => [
      one.id,
      one.name,
      one.role,
      moment(one.lastUsedAt),
      moment(one.expiresAt),
      moment(one.revokedAt),
    ],
    none: 'There is no token but that of the environment. `reprise token create <name> --role viewer` makes one.',
  });
}

async function revoke(session: Session, _: unknown, [asked = '']: readonly string[]) {
  const token = await meant(session, asked);
  await session.confirm(`Revoke the token "${plain(token.name)}" (${token.role}) for good?`);
  const revoked = await session.api.json<Token>(`/api/tokens/${token.id}`, { method: 'DELETE' });
  if (session.out.json) return session.out.document(revoked);
  session.out.data(`${plain(revoked.name)} is revoked.`);
}

/** By its id, else the one token of that name that is still accepted. */
async function meant({ api }: Session, asked: string): Promise<Token> {
  const found: Token[] = [];
  for await (const one of api.list<Token>('/api/tokens', {}, 10_000)) {
    if (one.id === asked) return one;
    if (one.name === asked && one.revokedAt === null) found.push(one);
  }
  const [first, second] = found;
  if (first === undefined)
    throw new Failure(exits.notFound, `There is no token "${plain(asked)}".`, [
      '`reprise token list` shows those there are.',
    ]);
  if (second === undefined) return first;
  const ids = found.map(({ id, role, createdAt }) => `${id}  ${role}, made ${moment(createdAt)}`);
  throw new Failure(
    exits.usage,
    `${found.length} tokens are called "${plain(asked)}". Say which, by its id:`,
    ids,
  );
}
