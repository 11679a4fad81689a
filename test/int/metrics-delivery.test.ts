import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { openEngineMetrics } from '../../src/api/engine-metrics.ts';
import { sql } from '../../src/db/sql.ts';
import { exposition } from '../../src/metrics/registry.ts';
import { testDatabase } from '../support/database.ts';
import { append, connect, newEngine, newReplay, runSlice, runToEnd, turns } from '../support/engine.ts';
import { readExposition, valueOf } from '../support/exposition.ts';

const db = await testDatabase();

/** Values as a scrape tells them now. */
async function values() {
  const all = readExposition(await exposition());
  return (name: string, labels: Record<string, string> = {}) => valueOf(all, `reprise_${name}`, labels);
}

describe('what a delivery process counts', () => {
  test('deliveries, attempts and requests of a replay and a stream, apart', async () => {
    const engine = await newEngine(db, { actions: 2 });
    const destination = engine.destinationId;
    await append(engine, turns(10, 5));
    const seen = new Map<string, number>();
    engine.sink.answer = ({ messageId }) => {
      const tries = (seen.get(messageId) ?? 0) + 1;
      seen.set(messageId, tries);
      return tries === 1 && seen.size === 1 ? 503 : 200; // the very first one fails once
    };
    expect((await runToEnd(engine, await newReplay(engine))).endedAs).toBe('completed');
    const stream = await connect(engine);
    await append(engine, ['u1', 'u2']);
    await runSlice(engine, stream);

    const value = await values();
    const replayed = { destination, kind: 'replay' };
    const streamed = { destination, kind: 'stream' };
    expect(value('deliveries_total', { ...replayed, outcome: 'delivered' })).toBe(20);
    expect(value('events_settled_total', { ...replayed, outcome: 'delivered' })).toBe(10);
    expect(value('delivery_attempts_total', { ...replayed, result: 'delivered' })).toBe(20);
    expect(value('delivery_attempts_total', { ...replayed, result: 'failed' })).toBe(1);
    expect(value('delivery_requests_total', { ...replayed, status: '2xx' })).toBe(20);
    expect(value('delivery_requests_total', { ...replayed, status: '5xx' })).toBe(1);
    expect(value('delivery_request_duration_seconds_count', replayed)).toBe(21);
    expect(value('deliveries_total', streamed)).toBe(4);
    expect(value('delivery_requests_in_flight', { destination })).toBe(0);
    expect(value('delivery_latency_seconds_count', { destination })).toBe(4); // of streams alone
    expect(value('lane_commit_duration_seconds_count', { kind: 'stream' })).toBeGreaterThan(0);
    expect(value('lane_commit_failures_total')).toBe(0);
  });

  test('what the next holder finds again is not counted again, nor is what waits counted as ended', async () => {
    const engine = await newEngine(db);
    const destination = engine.destinationId;
    await append(engine, turns(6, 6));
    engine.sink.answer = ({ userId }) => (userId === 'u0' ? 400 : 200);
    const run = await newReplay(engine);
    const stop = new AbortController();
    engine.sink.answer = ({ userId }) => {
      if (userId === 'u4') stop.abort();
      return userId === 'u0' ? 503 : 200;
    };
    await runSlice(engine, run, { signal: stop.signal });
    engine.sink.answer = () => 200;
    await runToEnd(engine, run);
    const value = await values();
    expect(value('deliveries_total', { destination })).toBe(6);
    expect(value('events_settled_total', { destination, outcome: 'delivered' })).toBe(6);
    expect(value('events_settled_total', { destination, outcome: 'waiting' })).toBe(0);
  });

  test('a connection that is refused, and time for which the pace lets nothing leave', async () => {
    const engine = await newEngine(db);
    const destination = engine.destinationId;
    await append(engine, turns(6, 6));
    const paced = await newReplay(engine, { pace: { eventsPerSecond: 20 } });
    await runToEnd(engine, paced);
    const waited = (await values())('budget_wait_seconds_total', { destination, kind: 'replay' });
    expect(waited).toBeGreaterThan(0.1);
    const stream = await connect(engine);
    await append(engine, ['u1']);
    await engine.sink.down();
    await runSlice(engine, stream, { timing: { sliceMs: 300 } });
    const value = await values();
    expect(value('delivery_requests_total', { destination, kind: 'stream', status: 'none' })).toBeGreaterThan(
      0,
    );
    expect(value('delivery_attempts_total', { destination, kind: 'stream', result: 'down' })).toBeGreaterThan(
      0,
    );
  });
});

describe('what stands in Postgres', () => {
  const away = { check: () => Promise.reject(new Error('away')) };
  const log = { warn: () => undefined };

  test('lag of streams, what replays have left, what waits, who is down, dead letters', async () => {
    const engine = await newEngine(db);
    const destination = engine.destinationId;
    await connect(engine);
    await append(engine, turns(3), { receivedAt: new Date(Date.now() - 90_000) });
    const replay = await newReplay(engine, { mode: 'all' });
    await db.run(sql`update run set selected = 40 where id = ${replay}`);
    await db.run(sql`
      update lane set counts = '{"events": {"delivered": 7, "waiting": 2}}', ahead = '{"events": {"delivered": 1}}',
        state = 'held', state_reason = 'unreachable: connection_refused', rate = 12.5
      where run_id = ${replay}`);
    const letter = (retriedBy: string | null) => sql`
      insert into dead_letter (id, run_id, destination_id, action_id, action_version, position, error_class, failure, attempts, first_failed_at, retried_by)
      values (${randomUUID()}, ${replay}, ${destination}, ${randomUUID()}, 1, 1, 'http_400', '{}', 1, now(), ${retriedBy})`;
    await db.run(letter(null));
    await db.run(letter(replay));
    const close = openEngineMetrics({ db, orchestrator: away, log });
    afterAll(close);
    const value = await values();
    close();
    expect(value('stream_lag_events', { destination })).toBe(3);
    expect(value('stream_lag_seconds', { destination })).toBeGreaterThan(85);
    expect(value('replay_remaining_events', { destination })).toBe(30);
    expect(value('replay_rate_events_per_second', { destination })).toBe(12.5);
    expect(value('deliveries_waiting', { destination, kind: 'replay' })).toBe(2);
    expect(value('destination_down', { destination })).toBe(1);
    expect(value('dead_letters_open', { destination })).toBe(1);
    expect(value('destination_info', { destination, type: 'webhook', name: 'Sink' })).toBe(1);
    expect(value('database_size_bytes')).toBeGreaterThan(1_000_000);
    expect([value('postgres_up'), value('temporal_up')]).toEqual([1, 0]);
  });

  test('is read once for all scrapes of five seconds', async () => {
    let statements = 0;
    const counting: typeof db = {
      ...db,
      rows: (statement) => {
        statements += 1;
        return db.rows(statement);
      },
    };
    const close = openEngineMetrics({ db: counting, orchestrator: away, log });
    afterAll(close);
    await Promise.all(Array.from({ length: 20 }, () => exposition()));
    await exposition();
    close();
    expect(statements).toBeGreaterThan(4);
    expect(statements).toBeLessThan(10);
  });

  test('says so, and nothing old, when Postgres does not answer', async () => {
    const gone: typeof db = { ...db, rows: () => Promise.reject(new Error('away')) };
    const close = openEngineMetrics({ db: gone, orchestrator: { check: () => Promise.resolve() }, log });
    afterAll(close);
    const value = await values();
    close();
    expect([value('postgres_up'), value('temporal_up')]).toEqual([0, 1]);
    expect(readExposition(await exposition()).get('reprise_stream_lag_events')?.samples).toEqual([]);
  });
});
