import { tooOldBy } from '../../db/retention/drop.ts';
import { getRetention, setRetention } from '../../db/retention/setting.ts';
import type { ApiDeps } from '../deps.ts';
import { route, type Route } from '../route.ts';
import { RetentionChange, retentionExample, RetentionShown, showRetention } from '../schemas/retention.ts';

const tag = 'Retention';

const nothing = { partitions: [], heldBy: [] } as const;

/** How long the archive keeps. */
export function retentionRoutes(deps: ApiDeps): Route[] {
  return [get(deps), change(deps)];
}

function get({ db }: ApiDeps): Route {
  return route(
    {
      operationId: 'getRetention',
      method: 'get',
      path: '/api/retention',
      tag,
      summary: 'Read how long events are kept',
      description: 'From where on the archive keeps, and what is too old by the setting and still there.',
      answers: { 200: { description: 'The setting.', schema: RetentionShown, example: retentionExample } },
    },
    async () => {
      const kept = await getRetention(db);
      const tooOld = kept.days === null ? nothing : await tooOldBy(db, kept.days);
      return { status: 200, body: showRetention(kept, tooOld) };
    },
  );
}

function change({ db }: ApiDeps): Route {
  return route(
    {
      operationId: 'changeRetention',
      role: 'admin',
      method: 'patch',
      path: '/api/retention',
      tag,
      summary: 'Change how long events are kept',
      description: `What is too old goes within the next minutes, and cannot be brought back: ask with \`dryRun\` first.

- Events go in whole partitions of 4,194,304 positions, once all events of one are too old; until then all of it can be read and replayed. So what is kept is at least what was asked for. Imported history counts from its own \`receivedAt\`.
- A partition stays while a stream has not passed it or a replay that has not ended has yet to read or send something of it.
- With it go what destinations have of it and its dead letters. Rejected events, and rows of imports that were not accepted, go by their own age.
- Duplicates are still removed for as long as their messageIds are remembered.`,
      body: RetentionChange,
      bodyExample: { days: 400, dryRun: true },
      answers: {
        200: {
          description: 'The setting, and what goes by it.',
          schema: RetentionShown,
          example: retentionExample,
        },
      },
    },
    async ({ body: { days, dryRun }, notes }) => {
      const tooOld = days === null ? nothing : await tooOldBy(db, days);
      if (dryRun) notes.changesNothing();
      else await setRetention(db, days);
      return { status: 200, body: showRetention({ ...(await getRetention(db)), days }, tooOld) };
    },
  );
}
