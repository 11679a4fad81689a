import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { damaged, poisonItem, type GeneratedItem } from '../support/poison-generator.ts';
import { poisonSeed } from '../support/poison-seed.ts';
import { Random } from '../support/simulation/random.ts';
import { basic, newKey, send } from '../support/tracking.ts';

const db = await testDatabase();
const seed = poisonSeed();
const success = '{"success":true}';

/** What came in since the last look, in the order of the archive and of the rejected. */
function watch(sourceId: string) {
  let position = 0;
  let id = 0;
  return async () => {
    const archived = await db.rows<{ position: number; raw: string }>(sql`
      select position, raw from event where position > ${position} and source_id = ${sourceId} order by position`);
    const rejected = await db.rows<{ id: number; code: string; raw: Buffer }>(sql`
      select id, code, raw from rejected_event where id > ${id} and source_id = ${sourceId} order by id`);
    position = archived.at(-1)?.position ?? position;
    id = rejected.at(-1)?.id ?? id;
    return { archived, rejected };
  };
}

/** Poison with a good event behind every fourth, in a batch within its limits. */
function nextBatch(random: Random, unique: (index: number) => string): GeneratedItem[] {
  const items: GeneratedItem[] = [];
  for (let bytes = 0; items.length < 1_000 && bytes < 400_000;) {
    const isGood = items.length % 5 === 4;
    const id = unique(items.length);
    const good = {
      text: `{"type":"page","userId":"good","messageId":"good-${id}"}`,
      fate: 'archived' as const,
    };
    const item = isGood ? good : poisonItem(random, id);
    items.push(item);
    bytes += Buffer.byteLength(item.text) + 1;
  }
  return items;
}

/** Where two lists differ first; comparing all of them at once would print all of them. */
function firstDifference(found: readonly string[], wanted: readonly string[]): string | null {
  for (let at = 0; at < Math.max(found.length, wanted.length); at++)
    if (found[at] !== wanted[at])
      return `${at} of ${wanted.length}\nfound  ${found[at]}\nwanted ${wanted[at]}`;
  return null;
}

test('200,000 generated poison events are kept as they came or kept apart for their reasons, beside good ones', async () => {
  const api = await startApi(db.url);
  const lanes = [0, 1, 2];
  const counts = await Promise.all(
    lanes.map(async (lane) => {
      const random = new Random(seed + lane);
      const { sourceId, writeKey } = await newKey(db);
      const news = watch(sourceId);
      const count = { poison: 0, archived: 0, rejected: new Map<string, number>() };
      for (let batch = 1; count.poison < 200_000 / lanes.length; batch++) {
        const items = nextBatch(random, (index) => String(batch * 1_000 + index));
        const body = `{"batch":[${items.map(({ text }) => text).join(',')}],"context":{"ip":"\ud83d\ude00"}}`;
        const answer = await send(`${api.url}/v1/batch`, {
          headers: { authorization: basic(writeKey) },
          body,
        });
        const place = `POISON_SEED=${seed}, lane ${lane}, batch ${batch}`;
        expect({ status: answer.status, body: answer.body }, place).toEqual({ status: 200, body: success });
        const { archived, rejected } = await news();
        const good = items.filter(({ fate }) => fate === 'archived').map(({ text }) => text);
        const bad = items
          .filter(({ fate }) => fate !== 'archived')
          .map(({ fate, text }) => `${fate} ${text}`);
        const apart = rejected.map(({ code, raw }) => `${code} ${raw.toString()}`);
        expect(
          firstDifference(
            archived.map(({ raw }) => raw),
            good,
          ),
          place,
        ).toBeNull();
        expect(firstDifference(apart, bad), place).toBeNull();
        count.poison += items.length - Math.floor(items.length / 5);
        count.archived += good.length;
        for (const { code } of rejected) count.rejected.set(code, (count.rejected.get(code) ?? 0) + 1);
      }
      return count;
    }),
  );
  expect(counts.reduce((sum, { poison }) => sum + poison, 0)).toBeGreaterThanOrEqual(200_000);
  for (const { archived, rejected } of counts) {
    expect(archived).toBeGreaterThan(20_000);
    expect([...rejected.keys()].sort()).toEqual([
      'alias_without_previous_id',
      'event_too_deep',
      'event_too_large',
      'group_without_group_id',
      'no_user',
      'not_an_object',
      'track_without_event',
      'unknown_type',
    ]);
  }
  expect(api.process.exitCode).toBeNull();
  expect(api.output()).not.toContain('"level":50');
}, 600_000);

/** What a body says by the standard's own readers; null: it is not JSON in UTF-8. */
function parsed(body: Uint8Array): { value: unknown } | 'malformed_utf8' | 'malformed_json' {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return 'malformed_utf8';
  }
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return 'malformed_json';
  }
}

const isJson = (latin1: string) => typeof parsed(Buffer.from(latin1, 'latin1')) !== 'string';

function batchOf(value: unknown): unknown[] | null {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const batch: unknown =
    isObject && Object.hasOwn(value, 'batch') ? (value as { batch: unknown }).batch : null;
  return Array.isArray(batch) ? (batch as unknown[]) : null;
}

test('a batch damaged on its way is refused with a fitting code, or each of its items is kept or kept apart', async () => {
  const api = await startApi(db.url);
  const random = new Random(seed + 100);
  const { sourceId, writeKey } = await newKey(db);
  const headers = { authorization: basic(writeKey) };
  const news = watch(sourceId);
  const seen = new Map<string, number>();
  for (let turn = 0; turn < 150; turn++) {
    const wanted: string[] = [];
    const salvaged: string[] = [];
    const bodies = Array.from({ length: 20 }, (_, index) => {
      const unique = String(1_000 + turn * 20 + index);
      const body = `{"batch":[${poisonItem(random, unique).text},{"type":"page","userId":"u"}]}`;
      return damaged(Buffer.from(body), random);
    });
    const answers = await Promise.all(bodies.map((body) => send(`${api.url}/v1/batch`, { headers, body })));
    for (const [index, { status, body }] of answers.entries()) {
      const said = parsed(bodies[index]!);
      const batch = typeof said === 'string' ? null : batchOf(said.value);
      const code = typeof said === 'string' ? said : batch === null ? 'no_batch' : 'success';
      const place = `POISON_SEED=${seed}, turn ${turn}: ${bodies[index]!.toString('latin1')}`;
      if (typeof said === 'string' && status === 200) {
        seen.set('salvaged', (seen.get('salvaged') ?? 0) + 1);
        salvaged.push(bodies[index]!.toString('latin1'));
        continue;
      }
      expect(status, place).toBe(code === 'success' ? 200 : 400);
      expect(JSON.parse(body), place).toMatchObject(code === 'success' ? { success: true } : { code });
      seen.set(code, (seen.get(code) ?? 0) + 1);
      wanted.push(...(batch ?? []).map((item) => JSON.stringify(item)));
    }
    const { archived, rejected } = await news();
    const place = `POISON_SEED=${seed}, turn ${turn}`;
    const found: string[] = [];
    for (const raw of [...archived.map(({ raw }) => Buffer.from(raw)), ...rejected.map(({ raw }) => raw)]) {
      const text = parsed(raw);
      const canonical = typeof text === 'string' ? null : JSON.stringify(text.value);
      const at = canonical === null ? -1 : wanted.indexOf(canonical);
      if (at !== -1) wanted.splice(at, 1);
      else found.push(raw.toString('latin1'));
    }
    expect(wanted, place).toEqual([]);
    // What is JSON may have been counted as another's that says the same, so it is looked for in all of them.
    const sent = bodies.map((body) => body.toString('latin1'));
    for (const text of found)
      expect(
        (isJson(text) ? sent : salvaged).some((body) => body.includes(text)),
        place + text,
      ).toBe(true);
    for (const body of salvaged)
      expect(
        found.some((text) => !isJson(text) && body.includes(text)),
        place + body,
      ).toBe(true);
    const kept = [...archived.map(({ raw }) => Buffer.from(raw)), ...rejected.map(({ raw }) => raw)]
      .map((raw) => raw.toString('latin1'))
      .sort((one, other) => other.length - one.length);
    // Nothing is left of a body but its frame, and the few bytes that the damage may have put there: no item is missing.
    for (const body of salvaged)
      expect(
        kept.reduce((rest, text) => rest.replace(text, () => ''), body).replaceAll(/[\s,]/g, '').length,
        place + body,
      ).toBeLessThan(36);
  }
  for (const code of ['success', 'malformed_utf8', 'malformed_json', 'no_batch', 'salvaged'])
    expect(seen.get(code), code).toBeGreaterThan(10);
  expect(api.process.exitCode).toBeNull();
}, 300_000);
