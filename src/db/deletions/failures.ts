import { idOf, names, patternOf } from '../../core/named-person.ts';
import type { Failure } from '../../core/outcome.ts';
import type { Sample, Samples } from '../../core/samples.ts';
import type { Position } from '../../core/event.ts';
import type { Database } from '../database.ts';
import { toJsonb } from '../jsonb.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import { deletionStep, type ClaimedDeletion } from './claim.ts';
import { jsonMayName } from './may-name.ts';
import type { Deleting } from './place.ts';
import { pseudonymOf } from './records.ts';

/** Empties deliveries that wait: his own, and failures of others that tell of him. */
export async function emptyAllWaiting(deleting: Deleting): Promise<void> {
  await eachFailure(deleting, 'waiting_delivery', emptyWaiting);
}

/** Empties dead letters that tell of him. */
export async function emptyAllDead(deleting: Deleting): Promise<void> {
  await eachFailure(deleting, 'dead_letter', emptyDead);
}

/** How many failures one step looks at: one of a large request takes up to ten milliseconds. */
const failuresPerStep = 200;

const tables = { waiting_delivery: sql`waiting_delivery`, dead_letter: sql`dead_letter` };

/** @param change of what a condition on the rows, called `w`, names; a step of its own for each few of them */
async function eachFailure(
  { db, claim }: Deleting,
  table: keyof typeof tables,
  change: (tx: Queryable, claim: ClaimedDeletion, within: Statement) => Promise<number>,
): Promise<void> {
  for (const { id: runId } of await db.rows<{ id: string }>(sql`select id from run`)) {
    await commitsOver(db, runId);
    for (let done = -1; ;) {
      const [next] = await db.rows<{ to: number | null }>(sql`
        select max(position) as "to" from (
          select position from ${tables[table]} where run_id = ${runId} and position > ${done}
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

/** All come due at once: what stood behind another one is settled like it, and nobody would call it by its old key. */
async function emptyWaiting(tx: Queryable, claim: ClaimedDeletion, within: Statement): Promise<number> {
  const pseudonym = pseudonymOf(claim.id);
  const own = await tx.run(sql`
    update waiting_delivery w set order_key = ${`u:${pseudonym}`}, failure = null, due_at = clock_timestamp()
    from event e
    where ${within} and e.position = w.position and e.message_id = '' and e.user_id = ${pseudonym}
      and w.order_key <> ${`u:${pseudonym}`}`);
  const named = await namingHim(tx, claim, sql`waiting_delivery`, within);
  const others = await tx.run(sql`
    update waiting_delivery w set failure = failure_left(failure)
    where ${within} and failure <> failure_left(failure)
      and (${named} or failure_tells_of_deleted(failure))`);
  return own + others;
}

async function emptyDead(tx: Queryable, claim: ClaimedDeletion, within: Statement): Promise<number> {
  const named = await namingHim(tx, claim, sql`dead_letter`, within);
  return await tx.run(sql`
    update dead_letter w set failure = failure_left(failure)
    where ${within} and failure <> failure_left(failure) and (${named}
      or failure_tells_of_deleted(failure) or exists (select 1 from event e
        where e.position = w.position and e.message_id = '' and e.user_id = ${pseudonymOf(claim.id)}))`);
}

interface Failed {
  readonly position: Position;
  readonly actionId: string;
  readonly failure: Failure;
}

/** A condition on the rows whose failures name him. */
async function namingHim(tx: Queryable, claim: ClaimedDeletion, table: Statement, within: Statement) {
  const id = idOf(claim.person);
  const pattern = patternOf(id);
  const rows = await tx.rows<Failed>(sql`
    select position, action_id as "actionId", failure from ${table} w
    where ${within} and failure is not null and ${jsonMayName(sql`failure`, id)}`);
  const found = rows.filter(({ failure }) => textsOf(failure).some((text) => names(text, pattern)));
  return sql`(w.position, w.action_id) in (select * from unnest(
    ${found.map(({ position }) => position)}::bigint[], ${found.map(({ actionId }) => actionId)}::uuid[]))`;
}

/** What came from outside; the rest of a failure are our own words and numbers. */
function textsOf({ message, request, response }: Failure): string[] {
  return [
    message,
    request?.url ?? '',
    request?.body ?? '',
    response?.body ?? '',
    ...Object.values(request?.headers ?? {}),
    ...Object.values(response?.headers ?? {}),
  ];
}

/** Takes the texts out of samples that tell of him. */
export async function emptySamples(tx: Queryable, claim: ClaimedDeletion): Promise<number> {
  const id = idOf(claim.person);
  const pattern = patternOf(id);
  const rows = await tx.rows<{ runId: string; lane: number; samples: Samples }>(sql`
    select run_id as "runId", lane, samples from lane where samples <> '{}' and ${jsonMayName(sql`samples`, id)}
    for no key update`);
  const without = (sample: Sample): Sample =>
    names(sample.message ?? '', pattern) ? { position: sample.position } : sample;
  const left = rows.map(({ samples }) =>
    toJsonb(Object.fromEntries(Object.entries(samples).map(([reason, some]) => [reason, some.map(without)]))),
  );
  // Whatever is written to samples is rid of those that tell of somebody deleted: see the trigger `lane_samples`.
  return await tx.run(sql`
    with named as (
      select * from unnest(${rows.map(({ runId }) => runId)}::uuid[], ${rows.map(({ lane }) => lane)}::int[],
        ${left}::jsonb[]) as one (run_id, lane, samples)),
    emptied as (
      select l.run_id, l.lane, samples_without_deleted(coalesce(n.samples, l.samples)) as samples
      from lane l left join named n using (run_id, lane) where l.samples <> '{}')
    update lane l set samples = e.samples from emptied e
    where l.run_id = e.run_id and l.lane = e.lane and l.samples <> e.samples`);
}
