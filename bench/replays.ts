import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { readConfig } from '../src/config.ts';
import { countedEvents, sumCounts } from '../src/core/counts.ts';
import { ReplayRequest } from '../src/core/replay-request.ts';
import { insertDestination } from '../src/db/destinations.ts';
import { createReplay, getReplay } from '../src/db/replays.ts';
import { createKeyring, seal, settingsPlace } from '../src/destinations/secrets.ts';
import { newWebhookSecret } from '../src/destinations/webhook-signature.ts';
import { openOrchestrator, replayWorkflowId } from '../src/temporal/orchestrator.ts';
import type { Rig } from './rig.ts';

export interface ReplayPlan {
  /** The webhook's settings beside its secret. */
  readonly settings: { readonly url: string; readonly batchSize?: number; readonly concurrency?: number };
  readonly lanes?: number;
  /** Only events up to this position. */
  readonly upTo?: number;
  readonly profiles?: 'all' | 'latest';
  /** Processes whose memory is watched. */
  readonly pids?: readonly number[];
}

export interface ReplayFigures {
  readonly events: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Activities of its workflow, the count and the end included. */
  readonly activities: number;
  /** The largest resident memory of a watched process, looked at ten times a second. */
  readonly peakRssMb: number;
  /** CPU time of the watched processes per event; other load on the machine hardly changes it. */
  readonly cpuMicros: number;
}

/** Replays everything to a webhook that was never sent to before, and waits until it is over. */
export async function replayAll(rig: Rig, plan: ReplayPlan): Promise<ReplayFigures> {
  const { destinationId, replayId } = await openReplay(rig, plan);
  const pids = plan.pids ?? [];
  const cpuBefore = await cpuSeconds(pids);
  let peakRssMb = 0;
  for (;;) {
    for (const pid of pids) peakRssMb = Math.max(peakRssMb, await residentMb(pid));
    const replay = await getReplay(rig.db, replayId);
    if (replay?.endedAt != null) {
      if (replay.endedAs !== 'completed') throw new Error(`the replay ended as ${replay.endedAs}`);
      const seconds = (replay.endedAt.getTime() - replay.startedAt!.getTime()) / 1_000;
      const events = countedEvents(sumCounts(replay.lanes.map((lane) => lane.counts)));
      const activities = await activitiesOf(rig, replayWorkflowId(destinationId, replayId));
      const cpuMicros = (((await cpuSeconds(pids)) - cpuBefore) * 1e6) / events;
      return {
        events,
        seconds,
        perSecond: Math.round(events / seconds),
        activities,
        peakRssMb,
        cpuMicros: Number(cpuMicros.toFixed(1)),
      };
    }
    await pause(100);
  }
}

/** Connects a webhook without a stream and starts a replay to it. */
export async function openReplay(rig: Rig, plan: ReplayPlan) {
  const destinationId = randomUUID();
  const replayId = randomUUID();
  const lanes = plan.lanes ?? 1;
  const keyring = createKeyring(rig.environment['REPRISE_SECRET_KEY']!);
  const settings = { secret: newWebhookSecret(), ...plan.settings };
  const request = ReplayRequest.parse({
    destinationId,
    pace: { lanes },
    ...(plan.profiles !== undefined && { profiles: plan.profiles }),
    ...(plan.upTo !== undefined && { range: { by: 'position', to: plan.upTo } }),
  });
  await rig.db.transaction(async (tx) => {
    await insertDestination(tx, {
      id: destinationId,
      type: 'webhook',
      name: 'bench',
      enabled: false,
      settingsSealed: seal(settings, settingsPlace(destinationId), keyring),
      sources: null,
      budget: {},
      actions: [{ name: 'Send event', action: null, trigger: null, mapping: {} }],
    });
    await createReplay(tx, { id: replayId, destinationId, request });
  });
  const orchestrator = openOrchestrator(readConfig(rig.environment));
  await orchestrator.startReplay({ destinationId, replayId, lanes, takesUp: false });
  await orchestrator.close();
  return { destinationId, replayId };
}

/** Resident memory of a process, 0 when it is gone. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024);
}

/** User and system time of processes so far. Source: proc(5), /proc/pid/stat, fields 14 and 15 in hundredths. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  let ticks = 0;
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks / 100;
}

async function activitiesOf(rig: Rig, workflowId: string): Promise<number> {
  const connection = await Connection.connect({ address: rig.temporalAddress });
  const history = await new Client({ connection }).workflow.getHandle(workflowId).fetchHistory();
  await connection.close();
  return (history.events ?? []).filter((event) => event.activityTaskScheduledEventAttributes != null).length;
}
