import { afterAll, describe, expect, test } from 'vitest';
import { outOfTime } from '../../src/core/time-rule.ts';
import { laidOut } from '../../src/destinations/catalog/layout.ts';
import { catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { overlaysOf, timeRuleOf } from '../../src/destinations/catalog/replay-rules.ts';
import { successOf } from '../support/contract/answers.ts';
import { driveAt } from '../support/contract/drive.ts';
import { actionsOf } from '../support/contract/routes.ts';
import { openInternet } from '../support/internet.ts';

// The same event, sent live and by a replay, for each service whose profile makes a difference: test/records/replayed.
// Mixpanel says in its body how many events it took, and its definition asks for it when it reads each event's outcome.
// Source: docs.mixpanel.com, reference, import-events.
const imported = JSON.stringify({ code: 200, num_records_imported: 1, status: 'OK' });
const internet = await openInternet((request) =>
  request.url.includes('api.mixpanel.com/import') ? { status: 200, body: imported } : successOf(request),
);
afterAll(() => internet.close());

const dayMs = 86_400_000;
const documents = catalogSummaries()
  .filter(({ folder, obstacle }) => folder !== null && obstacle === null)
  .map(({ type }) => readCatalogDocument(type)!);
const different = documents.filter(({ replay: { profile } }) => {
  if (profile === null) return false;
  return profile.overlays.length > 0 || timeRuleOf(profile) !== null || profile.confirmable?.value === false;
});
type Document = (typeof documents)[number];

/** The action with the most overlays of those that send something; among equals the first that a preset uses. */
async function actionOf(document: Document): Promise<string> {
  const { profile } = document.replay;
  const overlays = (action: string) => overlaysOf(profile, action).length;
  const all = actionsOf(document).toSorted((a, b) => overlays(b) - overlays(a));
  for (const action of all) {
    const { requests } = await driveAt(document, action, { at: new Date(), replay: false }, internet);
    if (requests.length > 0) return action;
  }
  return all[0]!;
}

/** Times of events on both sides of each limit. A record of a year ahead would differ from day to day. */
function momentsOf({ replay: { profile } }: Document): Record<string, number> {
  const now = Date.now();
  const { maxAgeMs, earliestMs, maxFutureMs } = timeRuleOf(profile) ?? {};
  const older = profile!.overlays.map(({ value }) => value.olderThanSeconds ?? 0);
  const oldest = Math.max(...older, 0) * 1_000;
  return {
    'a minute old': now - 60_000,
    ...(oldest > 0 && { 'old enough for all that is set': now - oldest - dayMs }),
    ...(maxAgeMs !== undefined && { 'older than is taken': now - maxAgeMs - 3_600_000 }),
    ...(earliestMs !== undefined && { 'before the first day that is taken': earliestMs - dayMs }),
    ...(maxFutureMs !== undefined &&
      maxFutureMs < 90 * dayMs && { 'further ahead than is taken': now + maxFutureMs + 3_600_000 }),
  };
}

async function send(document: Document, action: string, at: number, replay: boolean) {
  const rule = replay ? timeRuleOf(document.replay.profile) : null;
  // What the engine asks before it hands an event over.
  const late = rule === null ? null : outOfTime(rule, at, Date.now());
  if (late !== null) return { outcome: `tooOld · ${late}`, requests: [] };
  const driven = await driveAt(document, action, { at: new Date(at), replay }, internet);
  return { outcome: String(driven.outcome), requests: driven.requests };
}

type Sent = Awaited<ReturnType<typeof send>>;
interface Pair {
  readonly moment: string;
  readonly live: Sent;
  readonly replayed: Sent;
}

describe('side by side, live and replayed:', () => {
  const sending: string[] = [];
  test.each(different.map((document) => [document.type, document] as const))('%s', async (type, document) => {
    const action = await actionOf(document);
    const events: Record<string, unknown> = {};
    const pairs: Pair[] = [];
    for (const [moment, at] of Object.entries(momentsOf(document))) {
      const live = await send(document, action, at, false);
      const replayed = await send(document, action, at, true);
      pairs.push({ moment, live, replayed });
      events[moment] = {
        live,
        replayed: JSON.stringify(replayed) === JSON.stringify(live) ? 'the same' : replayed,
      };
    }
    // No rule is without effect, and what is fresh goes out in a replay as well.
    const { profile } = document.replay;
    const outside = pairs.filter(({ replayed }) => replayed.outcome.startsWith('tooOld'));
    expect(outside.map(({ moment }) => moment)).toEqual(
      Object.keys(momentsOf(document)).filter((moment) => moment.endsWith('taken')),
    );
    expect(pairs.filter(({ live }) => live.outcome.startsWith('tooOld'))).toEqual([]);
    const [{ live, replayed }] = pairs as [Pair];
    expect(replayed.outcome).toBe(live.outcome);
    if (replayed.requests.length > 0) sending.push(type);
    if (overlaysOf(profile, action).some(({ kind, name }) => kind !== 'feature' && name !== 'batch_size')) {
      const changed = pairs.some(
        (pair) =>
          !pair.replayed.outcome.startsWith('tooOld') &&
          JSON.stringify(pair.live) !== JSON.stringify(pair.replayed),
      );
      expect(changed).toBe(true);
    }
    const record = `${laidOut({ action, events })}\n`;
    await expect(record).toMatchFileSnapshot(`../records/replayed/${type}.json`);
  });

  test('a dozen of services and more', () => expect(sending.length).toBeGreaterThanOrEqual(12));
});
