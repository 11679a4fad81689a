import { freshBooks, longestClosedMs, type AccountBooks, type Budget } from '../core/budget.ts';
import { openingAt, paceIn, type Schedule } from '../core/replay-schedule.ts';
import { leaseIsLive } from './runs.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** What binds the lanes of a run, as it stands. Times are milliseconds of Postgres time. */
export interface BudgetRead {
  readonly now: number;
  readonly budget: Budget;
  readonly account: AccountBooks;
  /** The run's own pace at that time, events per second (null: none), and the revision of the run that it was read in. */
  readonly pace: number | null;
  readonly revision: number;
  /** When the run's own pace allows the next event. */
  readonly runNextAt: number;
  /** Revisions of the two rows; null: there is none. */
  readonly rows: { readonly account: number | null; readonly run: number | null };
}

/** What is to be written; null leaves a row as it is. */
export interface BudgetNews {
  readonly account: AccountBooks | null;
  readonly runNextAt: number | null;
}

interface Row extends AccountBooks {
  now: number;
  budget: Budget;
  eventsPerSecond: number | null;
  schedule: Schedule | null;
  revision: number;
  runNextAt: number;
  accountRow: number | null;
  runRow: number | null;
}

/** Whose budget: the destination's, and the run that wants to send. */
export interface BudgetScope {
  readonly destinationId: string;
  readonly runId: string;
}

const writeTries = 20;

const accountScope = (destinationId: string) => `destination/${destinationId}`;
const runScope = (runId: string) => `run/${runId}`;

/** The budget of a run and its destination, with the newest limits; null when there is no such run. */
export async function readBudget(
  db: Queryable,
  { destinationId, runId }: BudgetScope,
): Promise<BudgetRead | null> {
  const [row] = await db.rows<Row>(sql`
    select ${millis(sql`clock_timestamp()`)} as now, d.budget, r.events_per_second as "eventsPerSecond", r.schedule, r.revision,
      ${millis(sql`a.next_at`)} as "nextAt", ${millis(sql`a.blocked_until`)} as "blockedUntil",
      ${millis(sql`a.stream_until`)} as "streamUntil", ${millis(sql`a.replay_at`)} as "replayAt", a.learnt, coalesce(a.holders, '{}') as holders,
      ${millis(sql`p.next_at`)} as "runNextAt", a.revision as "accountRow", p.revision as "runRow"
    from destination d
    join run r on r.id = ${runId}
    left join budget a on a.scope = ${accountScope(destinationId)}
    left join budget p on p.scope = ${runScope(runId)}
    where d.id = ${destinationId}`);
  if (row === undefined) return null;
  const { now, budget, eventsPerSecond, schedule, revision, runNextAt, accountRow, runRow, ...account } = row;
  const own = { eventsPerSecond, maxConcurrent: null };
  const { eventsPerSecond: pace } = paceIn(openingAt(schedule, now), own);
  return { now, budget, pace, revision, runNextAt, account, rows: { account: accountRow, run: runRow } };
}

/** Milliseconds since 1970; 0 where there is no time. */
export const millis = (time: Statement) => sql`coalesce(extract(epoch from ${time})::float8 * 1000, 0)`;

/**
 * Decides upon what is read and writes it, if nobody has written meanwhile; else reads and decides again. So no lock is
 * held over a round trip, and a process that stops in between holds up nobody.
 * @param read reads the budget of the scope
 * @returns what was decided; null when there is no such run, or when others wrote each time
 */
export async function changeBudget<T extends { readonly news: BudgetNews | null }>(
  db: Queryable,
  scope: BudgetScope,
  read: () => Promise<BudgetRead | null>,
  decide: (read: BudgetRead) => T,
): Promise<T | null> {
  for (let tries = 0; tries < writeTries; tries++) {
    const before = await read();
    if (before === null) return null;
    const decided = decide(before);
    if (decided.news === null || (await write(db, scope, before, decided.news))) return decided;
  }
  return null;
}

/** Both rows or neither, in one round trip. Rows that are missing are made, and nothing is written yet. */
async function write(
  db: Queryable,
  scope: BudgetScope,
  read: BudgetRead,
  news: BudgetNews,
): Promise<boolean> {
  const rows: Statement[] = [];
  const missing: string[] = [];
  const add = (name: string, revision: number | null, books: AccountBooks) => {
    if (revision === null) missing.push(name);
    else rows.push(newRow(name, revision, books));
  };
  if (news.account !== null) add(accountScope(scope.destinationId), read.rows.account, news.account);
  if (news.runNextAt !== null)
    add(runScope(scope.runId), read.rows.run, { ...freshBooks, nextAt: news.runNextAt });
  if (missing.length > 0) {
    await db.run(sql`
      insert into budget (scope, next_at) select scope, to_timestamp(0) from unnest(${missing}::text[]) as new(scope)
      on conflict (scope) do nothing`);
    return false;
  }
  const written = await db.run(sql`
    with new (scope, revision, next_at, blocked_until, stream_until, replay_at, learnt, holders) as (
      values ${join(rows, sql`, `)}
    ), held as (
      select b.scope from budget b join new n on b.scope = n.scope
      where b.revision = n.revision order by b.scope for update of b
    )
    update budget b set revision = b.revision + 1, next_at = n.next_at, blocked_until = n.blocked_until,
      stream_until = n.stream_until, replay_at = n.replay_at, learnt = n.learnt, holders = n.holders
    from new n
    where b.scope = n.scope and b.revision = n.revision and (select count(*) from held) = ${rows.length}`);
  return written === rows.length;
}

function newRow(scope: string, revision: number, books: AccountBooks): Statement {
  const { nextAt, blockedUntil, streamUntil, replayAt, learnt, holders } = books;
  const [next, blocked, stream, replay] = [nextAt, blockedUntil, streamUntil, replayAt].map(
    (at) => sql`to_timestamp(${at}::float8 / 1000)`,
  );
  return sql`(${scope}::text, ${revision}::bigint, ${next!}, ${blocked!}, ${stream!}, ${replay!},
    ${learnt === null ? null : JSON.stringify(learnt)}::jsonb, ${JSON.stringify(holders)}::jsonb)`;
}

/** A run that has ended keeps no pace any more. */
export async function dropPaceRow(tx: Queryable, runId: string): Promise<void> {
  await tx.run(sql`delete from budget where scope = ${runScope(runId)}`);
}

/** The channel on which changes of budgets are told. */
export const budgetChannel = 'budget_changed';

/** What is told: whose budget has changed, and for how long its account takes nothing. */
export interface BudgetNotice {
  readonly destinationId: string;
  readonly closedForMs: number;
}

/** Reads a notification of `budgetChannel`. */
export const budgetNotice = (payload: string) => JSON.parse(payload) as BudgetNotice;

/** Tells all processes that a destination's budget has changed. */
export async function tellBudget(db: Queryable, destinationId: string): Promise<void> {
  const notice: BudgetNotice = { destinationId, closedForMs: 0 };
  await db.rows(sql`select pg_notify(${budgetChannel}, ${JSON.stringify(notice)})`);
}

/** Closes an account for a while and tells all processes, in one round trip: each that has not heard still sends. */
export async function closeBudget(db: Queryable, destinationId: string, forMs: number): Promise<void> {
  const notice: BudgetNotice = { destinationId, closedForMs: forMs };
  const until = sql`(clock_timestamp() + ${forMs}::float8 * interval '1 ms')`;
  await db.rows(sql`
    with closed as (
      insert into budget as b (scope, next_at, blocked_until)
      values (${accountScope(destinationId)}, to_timestamp(0), ${until})
      on conflict (scope) do update set revision = b.revision + 1, blocked_until = case
        when b.blocked_until < clock_timestamp() + ${longestClosedMs}::float8 * interval '1 ms'
          then greatest(b.blocked_until, ${until}) else ${until} end
      returning 1
    )
    select pg_notify(${budgetChannel}, ${JSON.stringify(notice)}) from closed`);
}

/** How many lanes of a destination's stream and replay are being worked. */
export async function liveLanes(db: Queryable, destinationId: string): Promise<number> {
  const [row] = await db.rows<{ lanes: number }>(sql`
    select count(*) as lanes from run r join lane l on l.run_id = r.id
    where r.destination_id = ${destinationId} and r.ended_at is null and ${leaseIsLive}`);
  return row!.lanes;
}
