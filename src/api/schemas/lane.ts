import { z } from 'zod';
import { eventTypes } from '../../core/event.ts';
import type { LaneDetail } from '../../db/lanes.ts';
import { Id, Time } from './fields.ts';

const states = ['ready', 'held', 'waiting', 'parked', 'canary', 'done'] as const;

const Waiting = z
  .object({
    position: z.int(),
    actionId: Id,
    attempts: z.int(),
    firstFailedAt: Time.nullable(),
    dueAt: Time.nullable().meta({ description: 'When it is tried again.' }),
    errorClass: z.string(),
    status: z.int().nullable().meta({ description: 'The HTTP status that came last, if one came.' }),
    message: z.string(),
  })
  .meta({ id: 'WaitingDelivery', description: 'A delivery that has failed and waits for its next try.' });

export const Lane = z
  .object({
    lane: z.int(),
    buckets: z.object({ from: z.int(), to: z.int() }).meta({ description: 'Whose users are its own.' }),
    state: z.enum(states).meta({
      description:
        '`ready`: it is worked, or is to be. `held`: its destination is down and is probed; nothing is given up. `waiting`: all that is left waits for its next try. `parked`: a stream at the head of the archive. `canary`: its share of the canary is sent. `done`: nothing is left.',
    }),
    stateReason: z.string().nullable().meta({ example: 'destination_down: connection_refused' }),
    mark: z
      .object({ position: z.int(), receivedAt: Time.nullable() })
      .meta({ description: 'Its checkpoint: everything up to it is decided or waits.' }),
    next: z
      .object({ position: z.int(), receivedAt: Time, type: z.enum(eventTypes), name: z.string().nullable() })
      .nullable()
      .meta({
        description:
          'The first event above the mark that has no outcome and does not wait: what the lane is at. null: none lies within the next 50,000 positions.',
      }),
    rate: z.number(),
    holder: z
      .object({ host: z.string().nullable(), pid: z.int().nullable(), renewedAt: Time })
      .nullable()
      .meta({
        description:
          'The process that holds it, and when it renewed its lease; host and pid as in `GET /api/processes`. null: nobody.',
      }),
    heldSince: Time.nullable(),
    nextTryAt: Time.nullable().meta({ description: 'When it is worked again by itself.' }),
    waiting: z
      .object({
        events: z.int().meta({ description: 'That wait, or stand behind one that does.' }),
        failed: z.int().meta({ description: 'Deliveries that have failed and are tried again.' }),
        oldest: z.array(Waiting).meta({ description: 'The first ten of them.' }),
      })
      .meta({ description: 'What is set aside below and above the mark.' }),
  })
  .meta({ id: 'Lane', description: 'A part of a run whose users fall in one range of buckets.' });

const iso = (date: Date | null) => date?.toISOString() ?? null;

/** A lane as it is answered. */
export function showLane(lane: LaneDetail): z.input<typeof Lane> {
  const { holder, next } = lane;
  return {
    lane: lane.lane,
    buckets: { from: lane.bucketFrom, to: lane.bucketTo },
    state: lane.state,
    stateReason: lane.stateReason,
    mark: { position: lane.mark, receivedAt: iso(lane.markReceivedAt) },
    next: next === null ? null : { ...next, receivedAt: next.receivedAt.toISOString() },
    rate: lane.rate,
    holder: holder === null ? null : { ...holder, renewedAt: holder.renewedAt.toISOString() },
    heldSince: iso(lane.heldSince),
    nextTryAt: iso(lane.wakeAt),
    waiting: {
      events: lane.waitingEvents,
      failed: lane.failedDeliveries,
      oldest: lane.waiting.map(({ firstFailedAt, dueAt, ...one }) => ({
        ...one,
        firstFailedAt: iso(firstFailedAt),
        dueAt: iso(dueAt),
      })),
    },
  };
}

export const laneExample: z.input<typeof Lane> = {
  lane: 0,
  buckets: { from: 0, to: 1_023 },
  state: 'waiting',
  stateReason: null,
  mark: { position: 97_411, receivedAt: '2026-10-14T05:12:44.120Z' },
  next: null,
  rate: 29.8,
  holder: null,
  heldSince: null,
  nextTryAt: '2026-11-22T09:31:15.000Z',
  waiting: {
    events: 3,
    failed: 1,
    oldest: [
      {
        position: 90_112,
        actionId: 'b1f0d7c2-9a34-4e6b-8c15-7d2e4f6a8b90',
        attempts: 5,
        firstFailedAt: '2026-11-22T09:30:01.000Z',
        dueAt: '2026-11-22T09:31:15.000Z',
        errorClass: 'http_500',
        status: 500,
        message: 'The destination failed (500).',
      },
    ],
  },
};
