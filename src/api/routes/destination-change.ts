import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Budget } from '../../core/budget.ts';
import {
  changeDestination,
  deleteDestination,
  getDestination,
  lockDestination,
  setSeam,
  type DestinationChange,
  type DestinationRecord,
} from '../../db/destinations.ts';
import { changeActions } from '../../db/actions.ts';
import { listReplays } from '../../db/replay-list.ts';
import { runningReplay, setReplayDesired } from '../../db/replays.ts';
import type { Queryable } from '../../db/sql.ts';
import { tokenRows } from '../../db/token-refresh.ts';
import { changeStream, endStream, forgetAccount, openStream } from '../../db/streams.ts';
import { readCatalogDocument } from '../../destinations/catalog/read.ts';
import { loadDefinition } from '../../destinations/registry.ts';
import { createRenew } from '../../destinations/token-renewal.ts';
import { replayWorkflowId, streamWorkflowId } from '../../temporal/orchestrator.ts';
import { prepareActions } from '../actions.ts';
import type { AuditNotes } from '../audit/notes.ts';
import { changing } from '../changing.ts';
import type { ApiDeps } from '../deps.ts';
import { replaysEnded, streamChanged, streamEnded, wake } from '../engine.ts';
import { runHooks, tellingSaved, withSaved, type SavedByHooks } from '../hooks.ts';
import { isProblem, problem, type Problem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import {
  ChangedDestination,
  Destination,
  destinationExample,
  DestinationWithGenerated,
} from '../schemas/destination.ts';
import { Id, IdPath } from '../schemas/fields.ts';
import { mergeSettings, openSettings, prepareSettings, sealSettings } from '../settings.ts';
import { settle } from '../settle.ts';
import { namedIn, unknownSources } from '../unknown-sources.ts';
import { answerOf, startStream, tag, unreadableSettings } from './destinations.ts';

type Change = z.output<typeof ChangedDestination>;
interface Changed {
  readonly destination: DestinationRecord;
  readonly generated: Readonly<Record<string, string>>;
}

/** Changing and deleting a destination. */
export function destinationChangeRoutes(deps: ApiDeps): Route[] {
  return [change(deps), remove(deps)];
}

function change(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'changeDestination',
      method: 'patch',
      path: '/api/destinations/{id}',
      tag,
      summary: 'Change a destination',
      description:
        'Only what is named changes, and it applies within about a second to whatever is sent from then on: other sources and another filter also to what still waits, which is not sent any more when it is left out. Disabling ends the stream at its mark; enabling begins a new one with what comes in from then on. What came in between is missing there, so a replay sends it.',
      params: IdPath,
      body: ChangedDestination,
      bodyExample: { settings: { secret: null }, budget: { eventsPerSecond: 50, maxConcurrent: null } },
      answers: {
        200: {
          description: 'The destination.',
          schema: DestinationWithGenerated,
          example: { ...destinationExample, budget: { eventsPerSecond: 50 } },
        },
        202: {
          description:
            'It is changed, and its stream still finishes what is in flight before it ends or goes on with other sources or another filter.',
          schema: Destination,
          example: destinationExample,
        },
      },
      problems: ['not_found', 'settings_unreadable', 'stream_stopping', 'replay_running'],
    },
    async ({ params: { id }, body, path, notes }) => {
      const saved = await savedByHooks(deps, id, body, notes);
      if (isProblem(saved)) return saved;
      const isDone = (made: Changed | Problem) => !isProblem(made) || made.problem !== 'stream_stopping';
      const { state: made } = await settle(
        () => changing(deps.db, (tx) => apply(deps, tx, id, { body, saved, notes })),
        isDone,
        deps.stopping,
      );
      if (isProblem(made))
        return tellingSaved(made.problem === 'not_found' ? nothingHere(path) : made, saved);
      if (body.enabled === true) await startStream(deps, made.destination);
      await wakeAll(deps, id);
      const obeyed = await (body.enabled === false ? streamEnded(deps, id) : streamChanged(deps, id));
      const destination = (await getDestination(deps.db, id)) ?? made.destination;
      const generated = Object.keys(made.generated).length === 0 ? {} : { generated: made.generated };
      return { status: obeyed ? 200 : 202, body: { ...answerOf(deps, destination), ...generated } };
    },
  );
}

async function apply(
  deps: ApiDeps,
  tx: Queryable,
  id: string,
  { body, saved, notes }: { readonly body: Change; readonly saved: SavedByHooks; readonly notes: AuditNotes },
): Promise<Changed | Problem> {
  if (!(await lockDestination(tx, id))) return nothingHere(id);
  const destination = (await getDestination(tx, id))!;
  const refused = await newlyUnknown(tx, destination, body);
  if (refused !== null) return refused;
  const settings =
    body.settings === undefined ? null : await changedSettings(deps, destination, body.settings);
  if (isProblem(settings)) return settings;
  if (settings !== null) notes.unseen({ settings: settings.before }, { settings: settings.settings });
  if (body.actions !== undefined) {
    const actions = prepareActions(destination.type, body.actions, destination.actions);
    if (isProblem(actions)) return actions;
    await changeActions(tx, id, withSaved(actions, saved));
  }
  await changeDestination(tx, id, changeOf(destination, body, settings?.sealed));
  if (body.enabled === false) await endStream(tx, id, 'destination_disabled');
  if (body.enabled === true) {
    const opened = await openStream(tx, id);
    if (opened.kind === 'stopping') return stillStopping;
    await setSeam(tx, id, opened.seam);
  }
  if (body.newAccount === true) {
    const replay = await runningReplay(tx, id);
    if (replay !== null) return busy(replay);
    await forgetAccount(tx, id);
  } else if ([body.sources, body.filter, body.actions].some((part) => part !== undefined)) {
    await changeStream(tx, id);
  }
  return { destination: (await getDestination(tx, id))!, generated: settings?.generated ?? {} };
}

/** The refusal of sources that there are not; what is answered can be given back, deleted ones included. */
async function newlyUnknown(
  db: Queryable,
  { sources }: DestinationRecord,
  body: Change,
): Promise<Problem | null> {
  const had = new Set(sources);
  const named = namedIn('/sources', body.sources ?? []).filter(({ id }) => !had.has(id));
  return await unknownSources(db, named, 'deleted');
}

/**
 * What the hooks of wanted actions save. They run before anything is locked and after all else was checked, as what they
 * make at the service stays.
 */
async function savedByHooks(
  deps: ApiDeps,
  id: string,
  body: Change,
  notes: AuditNotes,
): Promise<SavedByHooks | Problem> {
  if (body.actions?.some(({ hooks }) => hooks !== undefined) !== true) return [];
  const destination = await getDestination(deps.db, id);
  const definition = destination === null ? null : await loadDefinition(destination.type);
  if (destination === null || definition === null) return [];
  const replay = body.newAccount === true ? await runningReplay(deps.db, id) : null;
  if (replay !== null) return busy(replay);
  const refused = await newlyUnknown(deps.db, destination, body);
  if (refused !== null) return refused;
  const changed = await changedSettings(deps, destination, body.settings ?? {});
  if (isProblem(changed)) return changed;
  const actions = prepareActions(destination.type, body.actions, destination.actions);
  if (isProblem(actions)) return actions;
  const renew = createRenew(tokenRows(deps.db, id), deps.keyring, id);
  // Settings that are not stored yet have no tokens that could be kept.
  const context = { egress: deps.egress, ...(body.settings === undefined && { renew }) };
  const known = readCatalogDocument(destination.type)?.actions ?? [];
  const { settings, before } = changed;
  const newAccount = body.newAccount === true || !isDeepStrictEqual(settings, before);
  return await runHooks(definition, known, actions, { settings, context, newAccount, notes });
}

const busy = (replayId: string) =>
  problem(
    'replay_running',
    `Replay ${replayId} still sends to the account as it was. Wait for its end or cancel it, then say newAccount again.`,
    { members: { replayId } },
  );

const stillStopping = problem(
  'stream_stopping',
  'The stream still finishes what was in flight when it was disabled. Enable it again in a few seconds.',
  { headers: { 'retry-after': '3' } },
);

function changeOf(
  destination: DestinationRecord,
  body: Change,
  settingsSealed: string | undefined,
): DestinationChange {
  return {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.sources !== undefined && { sources: body.sources }),
    ...(body.filter !== undefined && { filter: body.filter }),
    ...(body.enabled !== undefined && { enabled: body.enabled }),
    ...(body.region !== undefined && { region: body.region }),
    ...(body.budget !== undefined && { budget: changedBudget(destination.budget, body.budget) }),
    ...(settingsSealed !== undefined && { settingsSealed }),
  };
}

function changedBudget(budget: Budget, changed: NonNullable<Change['budget']>): Budget {
  const merged = Object.entries({ ...budget, ...changed });
  return Object.fromEntries(merged.filter(([, limit]) => limit !== null)) as Budget;
}

async function changedSettings(
  deps: ApiDeps,
  destination: DestinationRecord,
  changed: Record<string, unknown>,
) {
  const definition = await loadDefinition(destination.type);
  const current = openSettings(destination.settingsSealed, destination.id, deps.keyring);
  if (definition === null) return unreadableSettings;
  if (current === null && Object.keys(changed).length === 0) return unreadableSettings;
  // What cannot be read is given anew, all of it; a part is refused as long as something needed is missing.
  const before = current ?? {};
  const prepared = prepareSettings(definition, mergeSettings(before, changed), deps.egress);
  if (isProblem(prepared)) return current === null ? unreadableSettings : prepared;
  const sealed = sealSettings(prepared.settings, destination.id, deps.keyring);
  return { sealed, before, settings: prepared.settings, generated: prepared.generated };
}

/** Whoever waits out a failure of the destination has a reason to try again. */
async function wakeAll(deps: ApiDeps, destinationId: string): Promise<void> {
  const replays = await listReplays(deps.db, { destinationId, open: true, limit: 10 });
  const ids = [
    streamWorkflowId(destinationId),
    ...replays.map((replay) => replayWorkflowId(destinationId, replay.id)),
  ];
  for (const workflowId of ids) wake(deps, workflowId);
}

function remove(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'deleteDestination',
      method: 'delete',
      path: '/api/destinations/{id}',
      tag,
      summary: 'Delete a destination',
      description:
        'Its stream ends and its replays are cancelled. What it was sent stays readable in its replays.',
      params: IdPath,
      answers: {
        204: { description: 'It is deleted, and nothing is sent any more.' },
        202: {
          description: 'It is deleted, and what was in flight is still being finished.',
          schema: z.object({ id: Id, status: z.literal('deleting') }),
          example: { id: destinationExample.id, status: 'deleting' },
        },
      },
      problems: ['not_found'],
    },
    async ({ params: { id }, path }) => {
      const replays = await deps.db.transaction((tx) => removeIn(tx, id));
      if (replays === null) return nothingHere(path);
      await wakeAll(deps, id);
      const ended = await Promise.all([streamEnded(deps, id), replaysEnded(deps, replays)]);
      return ended.every(Boolean) ? { status: 204 } : { status: 202, body: { id, status: 'deleting' } };
    },
  );
}

/** @returns the replays that have to end with it, null when there is no such destination */
async function removeIn(tx: Queryable, id: string): Promise<string[] | null> {
  if (!(await lockDestination(tx, id))) return null;
  const open = await listReplays(tx, { destinationId: id, open: true, limit: 1_000 });
  for (const replay of open) await setReplayDesired(tx, replay.id, 'cancelled', 'destination_deleted');
  await endStream(tx, id, 'destination_deleted');
  await deleteDestination(tx, id);
  return open.map((replay) => replay.id);
}
