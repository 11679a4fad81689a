import { expect, test } from 'vitest';
import { exits } from '../../src/cli/failure.ts';
import { exitOf } from '../../src/cli/commands/watch-replay.ts';
import { chosen } from '../../src/cli/names.ts';
import { refusal } from '../../src/cli/refusal.ts';
import { progressLine, summary } from '../../src/cli/replay-progress.ts';
import type { Replay } from '../../src/cli/shapes.ts';
import { facts, table } from '../../src/cli/table.ts';
import { columnsOf, cut, duration, plain } from '../../src/cli/texts.ts';
import { replayExample } from '../../src/api/schemas/replay.ts';

const replay = replayExample as Replay;
const address = { url: 'http://localhost:4000', token: 'x', from: '--api-url', tokenFrom: '--token' };

test('a replay on one line, what matters least left out first', () => {
  expect(progressLine(replay, 120)).toBe(
    '████████████░░░░░░░░  2c9d4f51   61%  1,173/1,912  29.8/s  ok 1,166  retrying 4  ETA 25s',
  );
  expect(progressLine(replay, 120, false)).toBe(
    '2c9d4f51   61%  1,173/1,912  29.8/s  ok 1,166  retrying 4  ETA 25s',
  );
  for (let width = 4; width < 130; width += 1) {
    const line = progressLine({ ...replay, status: 'paused', statusReason: 'canary' }, width);
    expect(columnsOf(line)).toBeLessThanOrEqual(width);
    expect(line).toContain('61%');
  }
  expect(progressLine({ ...replay, status: 'paused', statusReason: 'canary' }, 60)).toContain(
    'paused: canary',
  );
  const paused = { ...replay, status: 'paused' as const, statusReason: 'canary' };
  expect(progressLine(paused, 60)).toBe('██████░░░░   61%  1,173/1,912  paused: canary  29.8/s');
  expect(progressLine(paused, 39)).toBe('████████████░░░░░░░░   61%  1,173/1,912');
});

test('a replay of nothing is done; one that is still counted is not', () => {
  const counts = { ...replay.counts, selected: 0, remaining: 0 };
  expect(progressLine({ ...replay, counts }, 80)).toContain('100%');
  expect(progressLine({ ...replay, counts: { ...counts, selectedExact: false } }, 80)).toContain('  0%');
});

test('how a replay ended, and with which exit code', () => {
  const ended = {
    ...replay,
    status: 'completed_with_failures' as const,
    startedAt: '2026-11-22T09:00:00.000Z',
    endedAt: '2026-11-22T09:01:05.000Z',
  };
  const counts = { ...replay.counts, delivered: 1_900, dead: 9, waiting: 0, remaining: 0 };
  expect(summary({ ...ended, counts })).toBe(
    'completed with failures in 1m 5s: 1,900 delivered, 9 failed, 3 suppressed',
  );
  expect(exitOf({ ...ended, counts })).toBe(exits.failedEvents);
  const clean = { ...counts, dead: 0 };
  expect(exitOf({ status: 'completed', counts: clean })).toBe(exits.ok);
  expect(exitOf({ status: 'cancelled', counts: clean })).toBe(exits.cancelled);
  expect(exitOf({ status: 'failed', counts: clean })).toBe(exits.error);
});

test('a table where it fits, blocks where it does not', () => {
  const rows = [
    ['1', 'Demo CRM', 'running'],
    ['22', '店舗', 'paused'],
  ];
  expect(table(['id', 'name', 'stream'], rows, 80)).toBe(
    'ID  NAME      STREAM\n1   Demo CRM  running\n22  店舗      paused',
  );
  expect(table(['id', 'name', 'stream'], rows, 15)).toBe(
    'id      1\nname    Demo…\nstream  running\n\nid      22\nname    店舗\nstream  paused'.replace(
      'Demo…',
      'Demo CRM',
    ),
  );
  expect(facts([['Name', 'x'.repeat(60)]], 20)).toBe(`Name  ${'x'.repeat(13)}…`);
});

test('what others wrote moves no cursor', () => {
  expect(plain('a\u001B[2Jb\u0007\u202Ec\uD800')).toBe('a\uFFFD[2Jb\uFFFD\uFFFDc\uFFFD');
  expect(cut('店舗の名前', 5)).toBe('店舗…');
  expect(columnsOf('é👍')).toBe(3);
});

test.each([
  [0, '0s'],
  [59.6, '1m'],
  [65, '1m 5s'],
  [3_600, '1h'],
  [12_000, '3h 20m'],
  [187_200, '2d 4h'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test('names: exact ones first, then as people type them; several are named', () => {
  const all = [
    { id: '1', name: 'Demo CRM' },
    { id: '2', name: 'demo-crm' },
    { id: '3', name: 'Ware House' },
  ];
  expect(chosen(all, 'destination', 'demo-crm').id).toBe('2');
  expect(chosen(all, 'destination', 'ware-house').id).toBe('3');
  expect(() => chosen(all, 'destination', 'DEMO CRM')).toThrow(
    expect.objectContaining({ exit: exits.usage, hints: ['1  Demo CRM', '2  demo-crm'] }),
  );
  expect(() => chosen(all, 'destination', 'Ware Hose')).toThrow(
    expect.objectContaining({ exit: exits.notFound, hints: ['Did you mean "Ware House"?'] }),
  );
});

test('a refusal says each field, the request and where to read more', () => {
  const body = {
    type: '/docs/errors/invalid_body',
    title: 'The body has fields that cannot be used',
    code: 'invalid_body',
    detail: 'Two fields.',
    errors: [{ pointer: '/range/from', detail: 'Expected a time.' }],
    requestId: 'r-1',
  };
  const failure = refusal({ status: 422, path: '/api/replays', body: JSON.stringify(body) }, address);
  expect(failure).toMatchObject({
    exit: exits.usage,
    message: 'The body has fields that cannot be used (invalid_body)',
  });
  expect(failure.hints).toEqual([
    'Two fields.',
    '/range/from: Expected a time. (--from or --last)',
    'request r-1 · http://localhost:4000/docs/errors/invalid_body',
  ]);
  const running = { type: '/docs/errors/replay_running', code: 'replay_running' };
  const refused = { status: 409, path: '/api/replays', body: JSON.stringify(running) };
  expect(refusal(refused, address)).toMatchObject({ exit: exits.conflict, code: 'replay_running' });
  const absent = { type: '/docs/errors/not_found', code: 'not_found' };
  const missing = { status: 404, path: '/api/replays/x', body: JSON.stringify(absent) };
  expect(refusal(missing, address)).toMatchObject({
    exit: exits.notFound,
    hints: ['`reprise replay list` shows those there are.', 'http://localhost:4000/docs/errors/not_found'],
  });
});
