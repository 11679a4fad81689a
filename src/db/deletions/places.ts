import { idOf, names, patternOf } from '../../core/named-person.ts';
import type { Database } from '../database.ts';
import { personOf } from '../replay-identifies.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import { deletionStep, type ClaimedDeletion } from './claim.ts';
import { renameInDestinations, renameInRunFilters, renameInTriggers } from './filters.ts';
import { pseudonymOf } from './records.ts';

/** Opens a kept answer; null when it cannot be opened. */
export type OpenAnswer = (row: { route: string; key: string; sealed: string }) => string | null;

interface Deleting {
  readonly db: Database;
  readonly claim: ClaimedDeletion;
  readonly openAnswer: OpenAnswer;
}

/** Something beside the archive in which a person may be named. */
interface Place {
  readonly table: string;
  /** What of him stands there, for the certificate. */
  readonly what: string;
  /** What becomes of it, for the certificate. */
  readonly how: string;
  /** Does it, in steps that may be done again. */
  readonly forget: (deleting: Deleting) => Promise<void>;
}

/**
 * Everywhere but in the archive that a person may be named. A table that keeps anything of events, or of who was asked
 * about, needs a line here: a test looks for a deleted person in every column of every table.
 */
export const places: readonly Place[] = [
  {
    table: 'waiting_delivery',
    what: 'Deliveries that wait for their next try: whose they are, and how they failed.',
    how: 'Emptied. The engine settles them as suppressed.',
    forget: (deleting) => eachFailure(deleting, 'waiting_delivery', emptyWaiting),
  },
  {
    table: 'dead_letter',
    what: 'Failures with what was sent and what came back, also those of others that name him.',
    how: 'Emptied down to the kind of failure.',
    forget: (deleting) => eachFailure(deleting, 'dead_letter', emptyDead),
  },
  {
    table: 'replay_identify',
    what: 'Where his identify calls stand, listed for replays that send newest profiles.',
    how: 'Deleted.',
    forget: (deleting) => once(deleting, 'replay_identify', deleteIdentifies),
  },
  {
    table: 'lane',
    what: 'Samples of what was answered to his events.',
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
    how: 'Deleted.',
    forget: deleteAnswers,
  },
];

type Change = (tx: Queryable, claim: ClaimedDeletion) => Promise<number>;

async function once({ db, claim }: Deleting, table: string, change: Change): Promise<void> {
  await deletionStep(db, claim, { table }, (tx) => change(tx, claim));
}

/** How many failures one step looks at: one of a large request takes up to ten milliseconds. */
const failuresPerStep = 200;

/** @param change of what a condition on the rows, called `w`, names; a step of its own for each few of them */
async function eachFailure(
  { db, claim }: Deleting,
  table: 'waiting_delivery' | 'dead_letter',
  change: (tx: Queryable, claim: ClaimedDeletion, within: Statement) => Promise<number>,
): Promise<void> {
  const from = { waiting_delivery: sql`waiting_delivery`, dead_letter: sql`dead_letter` }[table];
  for (const { id: runId } of await db.rows<{ id: string }>(sql`select id from run`)) {
    await commitsOver(db, runId);
    for (let done = -1; ;) {
      const [next] = await db.rows<{ to: number | null }>(sql`
        select max(position) as "to" from (
          select position from ${from} where run_id = ${runId} and position > ${done}
          order by position limit ${failuresPerStep}) next`);
      const to = next?.to ?? null;
      if (to === null) break;
      const within = sql`w.run_id = ${runId} and w.position > ${done} and w.position <= ${to}`;
      await deletionStep(db, claim, { table }, (tx) => change(tx, claim, within));
      done = to;
    }
  }
}

/** Waits for commits of a run that began before: those that begin after it see who is deleted. */
async function commitsOver(db: Database, runId: string): Promise<void> {
  await db.run(sql`select 1 from lane where run_id = ${runId} and not lease_released for share`);
}

const patternFor = ({ person }: ClaimedDeletion) => patternOf(idOf(person));

/** All come due at once: what stood behind another one is settled like it, and nobody would call it by its old key. */
async function emptyWaiting(tx: Queryable, claim: ClaimedDeletion, within: Statement): Promise<number> {
  const pseudonym = pseudonymOf(claim.id);
  const own = await tx.run(sql`
    update waiting_delivery w set order_key = ${`u:${pseudonym}`}, failure = null, due_at = clock_timestamp()
    from event e
    where ${within} and e.position = w.position and e.message_id = '' and e.user_id = ${pseudonym}
      and w.order_key <> ${`u:${pseudonym}`}`);
  const others = await tx.run(sql`
    update waiting_delivery w set failure = failure_left(failure)
    where ${within} and (failure::text ~* ${patternFor(claim)} or failure_tells_of_deleted(failure))`);
  return own + others;
}

async function emptyDead(tx: Queryable, claim: ClaimedDeletion, within: Statement): Promise<number> {
  return await tx.run(sql`
    update dead_letter w set failure = failure_left(failure)
    where ${within} and failure <> failure_left(failure) and (failure::text ~* ${patternFor(claim)}
      or failure_tells_of_deleted(failure) or exists (select 1 from event e
        where e.position = w.position and e.message_id = '' and e.user_id = ${pseudonymOf(claim.id)}))`);
}

async function deleteIdentifies(tx: Queryable, { person }: ClaimedDeletion): Promise<number> {
  return await tx.run(sql`
    delete from replay_identify
    where person in (${personOf(`u:${idOf(person)}`)}, ${personOf(`a:${idOf(person)}`)})`);
}

async function emptySamples(tx: Queryable): Promise<number> {
  return await tx.run(sql`
    update lane set samples = samples_without_deleted(samples)
    where samples <> '{}' and samples_without_deleted(samples) <> samples`);
}

/** How many rejected events one step looks at. */
const rejectedPerStep = 5_000;

async function deleteRejected({ db, claim }: Deleting): Promise<void> {
  const [last] = await db.rows<{ id: number | null }>(sql`select max(id) as id from rejected_event`);
  for (let from = 0; from < (last?.id ?? 0);) {
    const [next] = await db.rows<{ id: number | null }>(sql`
      select max(id) as id from (
        select id from rejected_event where id > ${from} order by id limit ${rejectedPerStep}) next`);
    const to = next?.id ?? null;
    if (to === null) return;
    const between = sql`id > ${from} and id <= ${to}`;
    await deletionStep(db, claim, { table: 'rejected_event' }, async (tx) => {
      const rows = await tx.rows<{ id: number; raw: Buffer; arrival: string | null }>(sql`
        select id, raw, arrival from rejected_event where ${between} and ${mayName(claim)} or ${between}
          and arrival is not null and (strpos(arrival, ${idOf(claim.person)}) > 0 or strpos(arrival, '\\') > 0)`);
      const ids = rows.filter((row) => namesAny(claim, [row.raw, row.arrival])).map((row) => row.id);
      return await tx.run(sql`delete from rejected_event where id = any(${ids}::bigint[])`);
    });
    from = to;
  }
}

async function deleteImportErrors(tx: Queryable, claim: ClaimedDeletion): Promise<number> {
  const rows = await tx.rows<{ importId: string; line: number; raw: Buffer }>(sql`
    select import_id as "importId", line, raw from import_error where ${mayName(claim)}`);
  const found = rows.filter((row) => namesAny(claim, [row.raw]));
  return await tx.run(sql`
    delete from import_error e using unnest(${found.map((row) => row.importId)}::uuid[],
      ${found.map((row) => row.line)}::bigint[]) as gone (import_id, line)
    where e.import_id = gone.import_id and e.line = gone.line`);
}

/** Whether bytes may name him: they hold his id, or something escaped that might be it. */
function mayName({ person }: ClaimedDeletion) {
  const id = Buffer.from(idOf(person));
  return sql`(position(${id}::bytea in raw) > 0 or position('\\x5c'::bytea in raw) > 0)`;
}

function namesAny({ person }: ClaimedDeletion, texts: readonly (Buffer | string | null)[]): boolean {
  const id = idOf(person);
  const pattern = new RegExp(patternOf(id), 'i');
  return texts.some((text) => text !== null && names(text.toString(), id, pattern));
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

async function deleteAnswers({ db, claim, openAnswer }: Deleting): Promise<void> {
  await deletionStep(db, claim, { table: 'idempotency_key' }, async (tx) => {
    const rows = await tx.rows<{ route: string; key: string; sealed: string }>(
      sql`select route, key, answer_sealed as sealed from idempotency_key`,
    );
    const found = rows.filter((row) => namesAny(claim, [openAnswer(row)]));
    return await tx.run(sql`
      delete from idempotency_key i using unnest(${found.map((row) => row.route)}::text[],
        ${found.map((row) => row.key)}::text[]) as gone (route, key)
      where i.route = gone.route and i.key = gone.key`);
  });
}
