import type { z } from 'zod';
import { getDestination, type DestinationRecord } from '../../db/destinations.ts';
import { setStreamDesired, openStreamRun } from '../../db/streams.ts';
import { tokenRows } from '../../db/token-refresh.ts';
import { loadDefinition } from '../../destinations/registry.ts';
import { createRenew } from '../../destinations/token-renewal.ts';
import { replayStatus } from '../../core/replay-status.ts';
import { streamWorkflowId } from '../../temporal/orchestrator.ts';
import type { ApiDeps } from '../deps.ts';
import { wake } from '../engine.ts';
import { problem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import { Destination, destinationExample } from '../schemas/destination.ts';
import { IdPath } from '../schemas/fields.ts';
import { TestResult } from '../schemas/test-result.ts';
import { openSettings } from '../settings.ts';
import { settle } from '../settle.ts';
import { answerOf, tag, unreadableSettings } from './destinations.ts';

/** Testing a destination, pausing and resuming its stream. */
export function destinationControlRoutes(deps: ApiDeps): Route[] {
  return [test(deps), steer(deps, 'pause'), steer(deps, 'resume')];
}

function test(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'testDestination',
      role: 'operator',
      method: 'post',
      path: '/api/destinations/{id}/test',
      tag,
      summary: 'Send a test event',
      description:
        'One event with a name that tells it is a test goes to the destination, archive or not; a type of Segment’s catalog has its own code ask the service whether it takes the credentials. Where that code has no test, `ok` is null; an OAuth refresh token is shown to the service all the same, and an access token that comes of it is kept.',
      params: IdPath,
      answers: {
        200: {
          description:
            'How it went; `ok` says whether the destination took it, null: that could not be tested.',
          schema: TestResult,
          example: {
            ok: true,
            message: 'The destination took the test event (200).',
            status: 200,
            latencyMs: 41,
          },
        },
      },
      problems: ['not_found', 'settings_unreadable'],
    },
    async ({ params, path }) => {
      const destination = await getDestination(deps.db, params.id);
      const definition = destination === null ? null : await loadDefinition(destination.type);
      if (destination === null || definition === null) return nothingHere(path);
      const settings = openSettings(destination.settingsSealed, destination.id, deps.keyring);
      if (settings === null) return unreadableSettings;
      const { db, egress, keyring } = deps;
      const renew = createRenew(tokenRows(db, destination.id), keyring, destination.id);
      const tested = await definition.test(settings, { egress, renew });
      return { status: 200, body: besidesStream(tested, destination) };
    },
  );
}

function steer(deps: ApiDeps, verb: 'pause' | 'resume'): Route {
  const desired = verb === 'pause' ? 'paused' : 'running';
  return route(
    {
      operationId: `${verb}Stream`,
      role: 'operator',
      method: 'post',
      path: `/api/destinations/{id}/${verb}`,
      tag,
      summary: verb === 'pause' ? 'Pause the stream' : 'Resume the stream',
      description:
        verb === 'pause'
          ? 'No new events go out until it is resumed; none is lost. Replays are not affected.'
          : 'Delivery goes on where it was paused and catches up.',
      params: IdPath,
      answers: {
        200: { description: 'It is done.', schema: Destination, example: destinationExample },
        202: {
          description: 'It is wanted, and the engine has not confirmed it yet: the status is on the way.',
          schema: Destination,
          example: destinationExample,
        },
      },
      problems: ['not_found', 'destination_disabled'],
    },
    async ({ params, path }) => {
      const run = await setStreamDesired(deps.db, params.id, desired);
      if (run === null || run.desired === 'cancelled') return await noStream(deps, params.id, path);
      wake(deps, streamWorkflowId(params.id));
      const { settled } = await settle(
        () => openStreamRun(deps.db, params.id),
        (now) => now === null || replayStatus(now).status === desired,
        deps.stopping,
      );
      const destination = await getDestination(deps.db, params.id);
      if (destination === null) return nothingHere(path);
      return { status: settled ? 200 : 202, body: answerOf(deps, destination) };
    },
  );
}

async function noStream(deps: ApiDeps, id: string, path: string) {
  const destination = await getDestination(deps.db, id);
  if (destination === null) return nothingHere(path);
  return problem(
    'destination_disabled',
    'The destination gets no new events. Enable it first: PATCH {"enabled": true}.',
  );
}

type TestAnswer = z.input<typeof TestResult>;

/** What could not be tested has been, by the stream, when the service refuses that as unauthorized. */
function besidesStream(tested: TestAnswer, { stream }: DestinationRecord): TestAnswer {
  if (tested.ok !== null) return tested;
  const reasons =
    stream?.lanes.map(({ state, stateReason }) => (state === 'held' ? stateReason : null)) ?? [];
  const reason = reasons.find((one) => one?.startsWith('unauthorized: '));
  if (reason == null) return tested;
  const message = `${tested.message} The stream is held, as its last delivery was refused (${reason}): give other credentials.`;
  return { ...tested, ok: false, message };
}
