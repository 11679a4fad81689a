import { z } from 'zod';
import { operatorEventTypes, type OperatorEvent as Told } from '../../db/operator-events.ts';
import { Id, Time } from './fields.ts';

export const OperatorEventType = z.enum(operatorEventTypes);

export const OperatorEvent = z
  .object({
    id: Id,
    type: OperatorEventType,
    at: Time,
    destination: z.object({ id: Id, name: z.string() }),
    replayId: Id.nullable().meta({ description: 'null: it is about the destination or its stream.' }),
    reason: z.string().nullable().meta({
      description:
        'Of a replay as its `statusReason`, of `delivery.exhausted` the kind of failure, of `destination.down` why it is held, of `destination.failing` what most failed of, of `destination.recovered` what is over (`failing`, or why it was held).',
    }),
    withFailures: z
      .exactOptional(z.boolean())
      .meta({ description: 'Of `replay.completed`: it has given up on something.' }),
    failed: z.exactOptional(z.int()).meta({
      description:
        'Of `destination.failing`, and of its end: deliveries of the last ten minutes that were given up on or set aside.',
    }),
    delivered: z.exactOptional(z.int()).meta({ description: 'Those that arrived meanwhile.' }),
  })
  .meta({ id: 'OperatorEvent' });

/** An event for operators as it is answered. */
export function showOperatorEvent(told: Told): z.input<typeof OperatorEvent> {
  const { reason = null, withFailures, failed, delivered } = told.data;
  return {
    id: told.id,
    type: told.type,
    at: told.at.toISOString(),
    destination: { id: told.destinationId, name: told.destinationName },
    replayId: told.replayId,
    reason,
    ...(withFailures !== undefined && { withFailures }),
    ...(failed !== undefined && { failed }),
    ...(delivered !== undefined && { delivered }),
  };
}

export const operatorEventExample: z.input<typeof OperatorEvent> = {
  id: '5d0f7a3e-2c1b-4e6d-9f80-7a1b3c5d9e20',
  type: 'replay.completed',
  at: '2026-11-22T09:42:10.120Z',
  destination: { id: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33', name: 'Warehouse' },
  replayId: '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914',
  reason: null,
  withFailures: true,
};
