import { idOf } from '../../core/named-person.ts';
import { personOf } from '../replay-identifies.ts';
import { sql, type Queryable } from '../sql.ts';
import { renameInAnswers } from './answers.ts';
import { deletionStep, type ClaimedDeletion } from './claim.ts';
import { emptyAllDead, emptyAllWaiting, emptySamples } from './failures.ts';
import { renameInDestinations, renameInRunFilters, renameInTriggers } from './filters.ts';
import type { Deleting, Place } from './place.ts';
import { pseudonymOf } from './records.ts';
import { deleteImportErrors, deleteRejected } from './rejected.ts';

/**
 * Everywhere but in the archive that a person may be named. A table that keeps anything of events, or of who was asked
 * about, needs a line here: a test looks for a deleted person in every column of every table.
 */
export const places: readonly Place[] = [
  {
    table: 'waiting_delivery',
    what: 'Deliveries that wait for their next try: whose they are, and how they failed.',
    how: 'Emptied. The engine settles them as suppressed.',
    forget: emptyAllWaiting,
  },
  {
    table: 'dead_letter',
    what: 'Failures with what was sent and what came back, also those of others that name him.',
    how: 'Emptied down to the kind of failure.',
    forget: emptyAllDead,
  },
  {
    table: 'replay_identify',
    what: 'Where his identify calls stand, listed for replays that send newest profiles.',
    how: 'Deleted.',
    forget: (deleting) => once(deleting, 'replay_identify', deleteIdentifies),
  },
  {
    table: 'lane',
    what: 'Samples of what was answered to his events, also those of others that name him.',
    how: 'The texts are taken out.',
    forget: (deleting) => once(deleting, 'lane', emptySamples),
  },
  {
    table: 'rejected_event',
    what: 'Events that were not accepted and name him.',
    how: 'Deleted.',
    forget: deleteRejected,
  },
  {
    table: 'import_error',
    what: 'Rows of files that were not accepted and name him.',
    how: 'Deleted.',
    forget: (deleting) => once(deleting, 'import_error', deleteImportErrors),
  },
  {
    table: 'run',
    what: 'Replays that were asked for by his id.',
    how: 'A pseudonym takes its place.',
    forget: (deleting) => once(deleting, 'run', renameInRuns),
  },
  {
    table: 'run',
    what: 'Replays and streams whose filters name him.',
    how: 'A pseudonym takes his place in them.',
    forget: (deleting) => once(deleting, 'run', renameInRunFilters),
  },
  {
    table: 'destination',
    what: 'Filters of destinations that name him.',
    how: 'A pseudonym takes his place in them.',
    forget: (deleting) => once(deleting, 'destination', renameInDestinations),
  },
  {
    table: 'action_version',
    what: 'Triggers of actions that name him.',
    how: 'A pseudonym takes his place in them.',
    forget: (deleting) => once(deleting, 'action_version', renameInTriggers),
  },
  {
    table: 'idempotency_key',
    what: 'Kept answers that name him.',
    how: 'A pseudonym takes his place in them. Keys and what was asked with them stay known, so that a request that is sent again is not worked again.',
    forget: renameInAnswers,
  },
];

type Change = (tx: Queryable, claim: ClaimedDeletion) => Promise<number>;

async function once({ db, claim }: Deleting, table: string, change: Change): Promise<void> {
  await deletionStep(db, claim, { table }, (tx) => change(tx, claim));
}

async function deleteIdentifies(tx: Queryable, { person }: ClaimedDeletion): Promise<number> {
  return await tx.run(sql`
    delete from replay_identify
    where person in (${personOf(`u:${idOf(person)}`)}, ${personOf(`a:${idOf(person)}`)})`);
}

/** Selections go on naming what is left of his events, so counts of replays that run stay right. */
async function renameInRuns(tx: Queryable, claim: ClaimedDeletion): Promise<number> {
  const id = JSON.stringify(idOf(claim.person));
  const pseudonym = JSON.stringify(pseudonymOf(claim.id));
  const renamed = (column: 'selection' | 'request' | 'take_up' | 'change') => {
    const value = {
      selection: sql`selection`,
      request: sql`request`,
      take_up: sql`take_up`,
      change: sql`change`,
    };
    return sql`person_renamed(${value[column]}, ${id}::jsonb, ${pseudonym}::jsonb)`;
  };
  return await tx.run(sql`
    update run set selection = ${renamed('selection')}, request = ${renamed('request')},
      take_up = ${renamed('take_up')}, change = ${renamed('change')}
    where jsonb_path_exists(jsonb_build_array(selection, request, take_up, change),
      '$.**.users[*] ? (@ == $id)', jsonb_build_object('id', ${id}::jsonb))
      or jsonb_path_exists(jsonb_build_array(request, take_up), '$.**.user ? (@ == $id)',
        jsonb_build_object('id', ${id}::jsonb))`);
}
