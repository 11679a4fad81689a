import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { standingAt, type Schedule } from '../../src/core/replay-schedule.ts';
import {
  replayStatus,
  replayStatuses,
  type LaneState,
  type StatusFacts,
} from '../../src/core/replay-status.ts';

const nights: Schedule = {
  startAt: '2026-01-01T12:00:00Z',
  timeZone: 'UTC',
  windows: [{ from: '22:00', to: '06:00' }],
};
const noon = Date.parse('2026-01-01T12:00:00Z');
const midnight = Date.parse('2026-01-02T00:00:00Z');

type Lane = StatusFacts['lanes'][number];

function lane(over: Partial<Lane> = {}): Lane {
  const calm = { state: 'ready', stateReason: null, wakeAt: null } as const;
  return { leaseLive: true, leaseRevision: 3, unworkedMs: 60_000, ...calm, ...over };
}

function statusOf(over: Partial<StatusFacts> = {}) {
  const facts: StatusFacts = {
    desired: 'running',
    heldBack: false,
    revision: 3,
    statusReason: null,
    endedAs: null,
    takesUp: false,
    standing: standingAt(null, 0),
    lanes: [lane()],
  };
  return replayStatus({ ...facts, ...over });
}

const soon = new Date('2026-01-01T00:00:10Z');
const later = new Date('2026-01-01T00:05:00Z');

describe('what is wanted', () => {
  it.each([
    ['paused', 'pausing', 'paused'],
    ['cancelled', 'cancelling', 'cancelled'],
  ] as const)('%s is true once no live lease has confirmed less', (desired, onTheWay, done) => {
    const behind = lane({ leaseRevision: 2 });
    expect(statusOf({ desired, lanes: [lane(), behind] }).status).toBe(onTheWay);
    expect(statusOf({ desired, lanes: [lane(), lane()] }).status).toBe(done);
    expect(statusOf({ desired, lanes: [{ ...behind, leaseLive: false }] }).status).toBe(done);
    expect(statusOf({ desired, lanes: [] }).status).toBe(done);
  });

  it('may be that it starts later', () => {
    expect(statusOf({ desired: 'planned', lanes: [] }).status).toBe('planned');
  });

  it('may be that it does not start before it is resumed', () => {
    const planned = { desired: 'planned', heldBack: true, lanes: [], statusReason: 'scheduled' } as const;
    for (const now of [noon - 1, noon + 60_000])
      expect(statusOf({ ...planned, standing: standingAt(nights, now) })).toMatchObject({
        status: 'paused',
        statusReason: 'before_start',
      });
    expect(statusOf({ ...planned, endedAs: 'cancelled' }).status).toBe('cancelled');
  });

  it('may be that it starts at a time, and what it waits for says so', () => {
    const reasonAt = (now: number, statusReason: string) =>
      statusOf({ desired: 'planned', statusReason, standing: standingAt(nights, now) }).statusReason;
    expect(reasonAt(noon - 1, 'scheduled')).toBe('scheduled');
    expect(reasonAt(noon - 1, 'waits_for_replay')).toBe('scheduled');
    expect(reasonAt(noon + 1, 'waits_for_replay')).toBe('waits_for_replay');
    expect(reasonAt(noon + 1_000, 'scheduled')).toBe('scheduled');
    expect(reasonAt(noon + 11_000, 'scheduled')).toBe('waiting_for_worker');
  });

  it('outside every window it is running and says why it does not send, also where it would be held', () => {
    const held = lane({ state: 'held', stateReason: 'destination_down: http_500', wakeAt: new Date(noon) });
    const closed = statusOf({ lanes: [held], standing: standingAt(nights, noon) });
    expect(closed).toEqual({ status: 'running', statusReason: 'outside_window', nextRetryAt: null });
    const open = (now: number) =>
      statusOf({ lanes: [lane({ leaseLive: false })], standing: standingAt(nights, now) }).statusReason;
    expect(open(midnight)).toBe('waiting_for_worker');
    expect(open(midnight - 2 * 3_600_000 + 5_000)).toBeNull(); // it has just opened: nobody can have taken it up yet
  });
});

describe('the end', () => {
  it('decides whatever else is said', () => {
    for (const endedAs of ['completed', 'completed_with_failures', 'cancelled', 'failed'] as const) {
      for (const desired of ['running', 'paused', 'cancelled'] as const) {
        const view = statusOf({ endedAs, desired, statusReason: 'why', lanes: [lane({ leaseRevision: 1 })] });
        expect(view).toEqual({ status: endedAs, statusReason: 'why', nextRetryAt: null });
      }
    }
  });
});

describe('running', () => {
  it('says nothing when lanes are worked', () => {
    expect(statusOf()).toEqual({ status: 'running', statusReason: null, nextRetryAt: null });
  });

  it('says that the destination is down, why, and when it is tried again', () => {
    const held = lane({ state: 'held', stateReason: 'throttled: http_429', wakeAt: soon, leaseLive: false });
    expect(statusOf({ lanes: [lane(), held] })).toEqual({
      status: 'running',
      statusReason: 'throttled: http_429',
      nextRetryAt: soon,
    });
  });

  it('says that only retries are left, with the first of them', () => {
    const waits = (wakeAt: Date) => lane({ state: 'waiting', wakeAt, leaseLive: false });
    expect(statusOf({ lanes: [waits(later), lane({ state: 'done' }), waits(soon)] })).toEqual({
      status: 'running',
      statusReason: 'retrying',
      nextRetryAt: soon,
    });
    expect(statusOf({ lanes: [waits(soon), lane()] }).statusReason).toBeNull();
  });

  it('says that it still marks what it takes up, whoever works it, unless something else is wanted', () => {
    const lanes = [lane({ leaseLive: false })];
    expect(statusOf({ takesUp: true, lanes }).statusReason).toBe('taking_up');
    expect(statusOf({ takesUp: true, desired: 'paused', lanes }).statusReason).toBeNull();
  });

  it('says that nobody works it, once that has lasted', () => {
    expect(statusOf({ lanes: [lane({ leaseLive: false, unworkedMs: 2_000 })] }).statusReason).toBeNull();
    expect(statusOf({ lanes: [lane({ leaseLive: false })] }).statusReason).toBe('waiting_for_worker');
    expect(statusOf({ lanes: [lane({ state: 'done', leaseLive: false })] }).statusReason).toBeNull();
  });
});

it('is always one of the nine, and the same for the same facts', () => {
  const anyLane = fc.record<Lane>({
    leaseLive: fc.boolean(),
    leaseRevision: fc.integer({ min: 1, max: 4 }),
    unworkedMs: fc.integer({ min: 0, max: 60_000 }),
    state: fc.constantFrom<LaneState[]>('ready', 'held', 'waiting', 'parked', 'done'),
    stateReason: fc.constantFrom(null, 'destination_down: http_500'),
    wakeAt: fc.constantFrom(null, soon, later),
  });
  const anyFacts = fc.record<StatusFacts>({
    desired: fc.constantFrom('planned', 'running', 'paused', 'cancelled'),
    heldBack: fc.boolean(),
    revision: fc.integer({ min: 1, max: 4 }),
    statusReason: fc.constantFrom(null, 'destination_refuses'),
    endedAs: fc.constantFrom(null, null, 'completed', 'failed'),
    takesUp: fc.boolean(),
    standing: fc.constantFrom(standingAt(null, 0), standingAt(nights, noon), standingAt(nights, midnight)),
    lanes: fc.array(anyLane, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const view = replayStatus(facts);
      expect(replayStatuses).toContain(view.status);
      expect(replayStatus(structuredClone(facts))).toEqual(view);
      if (view.nextRetryAt !== null) expect(view.status).toBe('running');
    }),
  );
});
