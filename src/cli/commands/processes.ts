import { existsSync } from 'node:fs';
import { Argument } from 'commander';
import { readConfig, required, type Config } from '../../config.ts';
import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import type { Session } from '../session.ts';

// In dist the modules end in .js: whichever this one ends in, so do they.
const entry = (path: string) =>
  new URL(`../../${path}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
const workers = {
  delivery: ['delivery'],
  orchestration: ['orchestration'],
  both: ['orchestration', 'delivery'],
} as const;

/** Running Reprise: all of it on this machine, or a process of it. */
export const processCommands: Register = (parent, on) => {
  withExamples(
    parent
      .command('start')
      .description('start all of it on this machine, as `npm start` does')
      .action(on(startAll)),
    ['reprise start', 'Postgres, Temporal, API, workers and a demo; Ctrl-C stops it all'],
  );
  withExamples(
    parent
      .command('api')
      .description('run the API on servers that the environment names')
      .action(
        on(() =>
          run(
            ['api/main'],
            ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'REPRISE_ADMIN_TOKEN', 'REPRISE_SECRET_KEY'],
          ),
        ),
      ),
    [
      'DATABASE_URL=postgres://… TEMPORAL_ADDRESS=temporal:7233 reprise api',
      'With REPRISE_ADMIN_TOKEN and REPRISE_SECRET_KEY',
    ],
  );
  withExamples(
    parent
      .command('worker')
      .description('run a worker on servers that the environment names')
      .addArgument(new Argument('[role]', 'what it does').choices(Object.keys(workers)).default('both'))
      .action(on((_, __, [role]) => runWorker(role as keyof typeof workers))),
    ['reprise worker delivery', 'As many as there is to send; one `orchestration` beside them'],
  );
  withExamples(
    parent
      .command('migrate')
      .description('bring the database that DATABASE_URL names to the newest schema')
      .action(on(migrate)),
    [
      'DATABASE_URL=postgres://… reprise migrate',
      'Before the new version of API and workers starts; again does nothing',
    ],
  );
};

/** What `npm start` needs is in a clone alone: the build leaves out its servers and its demo. */
async function startAll(): Promise<void> {
  if (!existsSync(entry('dev/start'))) {
    throw new Failure(exits.usage, 'Only a clone of the repository can start all of it on one machine.', [
      'This is what was built of it: `reprise migrate`, then `reprise api` and `reprise worker`.',
    ]);
  }
  await run(['dev/start'], []);
}

async function runWorker(role: keyof typeof workers): Promise<void> {
  const needed = [
    'DATABASE_URL',
    'TEMPORAL_ADDRESS',
    ...(role === 'orchestration' ? [] : ['REPRISE_SECRET_KEY' as const]),
  ] as const;
  await run(
    workers[role].map((one) => `workers/${one}`),
    needed,
  );
}

/** @param needed variables without which these processes cannot start; said before they do */
async function run(paths: readonly string[], needed: readonly (keyof Config)[]): Promise<void> {
  const config = readConfig();
  for (const name of needed) required(config, name);
  const { runProcesses } = await import('../local/run-processes.ts');
  await runProcesses(paths.map(entry));
}

async function migrate(session: Session): Promise<void> {
  const { migrateDatabase } = await import('../local/migrate.ts');
  const applied = await migrateDatabase(required(readConfig(), 'DATABASE_URL'));
  if (session.out.json) return session.out.document({ applied });
  for (const name of applied) session.out.data(name);
  session.out.say(
    applied.length === 0 ? 'The schema is the newest already.' : 'The schema is the newest now.',
  );
}
