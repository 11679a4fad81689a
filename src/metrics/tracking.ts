import { Counter, Gauge, Histogram } from 'prom-client';
import { HotCounter } from './hot.ts';
import { registry } from './registry.ts';

const registers = [registry];

/** Counted once a request is acknowledged: received is accepted and rejected together. */
export const eventsReceived = new HotCounter({
  name: 'reprise_events_received_total',
  help: 'Events of acknowledged requests to the tracking API and the Track API, by source.',
  labelNames: ['source'],
});
export const eventsAccepted = new HotCounter({
  name: 'reprise_events_accepted_total',
  help: 'Events of them that were taken for the archive, by source. One whose messageId was used before is among them.',
  labelNames: ['source'],
});
export const eventsRejected = new Counter({
  name: 'reprise_events_rejected_total',
  help: 'Events of them that could not be accepted and were kept apart, by source and reason.',
  labelNames: ['source', 'reason'],
  registers,
});
export const requestsRefused = new Counter({
  name: 'reprise_tracking_requests_refused_total',
  help: 'Requests with events that were refused as a whole, by the code that their senders were told.',
  labelNames: ['reason'],
  registers,
});
export const archivedEvents = new Counter({
  name: 'reprise_archive_events_total',
  help: 'Events that group commits brought to the archive, by result: appended, duplicate (was there), conflict (its messageId belongs to another).',
  labelNames: ['result'],
  registers,
});
export const groupCommitEvents = new Histogram({
  name: 'reprise_group_commit_events',
  help: 'Events that shared one commit.',
  buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000],
  registers,
});
export const groupCommitSeconds = new Histogram({
  name: 'reprise_group_commit_duration_seconds',
  help: 'How long a group commit took, failed ones among them.',
  buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  registers,
});
export const groupCommitFailures = new Counter({
  name: 'reprise_group_commit_failures_total',
  help: 'Group commits that failed: their clients were asked to send again.',
  registers,
});

let waiting: () => { readonly events: number; readonly bytes: number } = () => ({ events: 0, bytes: 0 });

/** Tells where to look for what waits to be committed. */
export function watchWaiting(look: typeof waiting): void {
  waiting = look;
}

const gauge = (name: string, help: string, value: () => number) =>
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(value());
    },
  });
gauge('reprise_group_commit_waiting_events', 'Events that wait for the next group commit.', () => {
  return waiting().events;
});
gauge('reprise_group_commit_waiting_bytes', 'Bytes of events that wait for the next group commit.', () => {
  return waiting().bytes;
});
