import { idOf, withoutPerson } from '../../core/named-person.ts';
import { sql, type Queryable } from '../sql.ts';
import { deletionStep } from './claim.ts';
import type { AnswerSeal, Deleting, SealedAnswer } from './place.ts';
import { pseudonymOf } from './records.ts';

/**
 * Takes him out of kept answers. Each stays for as long as its key counts, so that a request which is sent again is
 * not worked again; one that cannot be opened stays as it is, as it can be given to nobody either.
 */
export async function renameInAnswers({ db, claim, answers }: Deleting): Promise<void> {
  await deletionStep(db, claim, { table: 'idempotency_key' }, async (tx) => {
    const rows = await tx.rows<SealedAnswer>(
      sql`select route, key, answer_sealed as sealed from idempotency_key for no key update`,
    );
    let changed = 0;
    for (const row of rows) {
      const content = answers.open(row);
      const left = withoutPerson(content, idOf(claim.person), pseudonymOf(claim.id));
      if (JSON.stringify(left) === JSON.stringify(content)) continue;
      changed += await reseal(tx, row, answers, left);
    }
    return changed;
  });
}

async function reseal(tx: Queryable, row: SealedAnswer, answers: AnswerSeal, content: unknown) {
  return await tx.run(sql`
    update idempotency_key set answer_sealed = ${answers.seal(row, content)}
    where route = ${row.route} and key = ${row.key}`);
}
