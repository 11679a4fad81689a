import { Counter, Gauge, Histogram } from 'prom-client';
import { HotCounter, HotGauge, HotHistogram } from './hot.ts';
import { registry, secondsBuckets } from './registry.ts';

const registers = [registry];
const ofRun = ['destination', 'kind'] as const;

export const deliveries = new Counter({
  name: 'reprise_deliveries_total',
  help: 'Deliveries (one event through one action) that ended, by destination, kind (stream, replay) and outcome.',
  labelNames: [...ofRun, 'outcome'],
  registers,
});
export const eventsSettled = new Counter({
  name: 'reprise_events_settled_total',
  help: 'Events of runs that are settled, by destination, kind and outcome; filtered: no action wanted it.',
  labelNames: [...ofRun, 'outcome'],
  registers,
});
export const attempts = new HotCounter({
  name: 'reprise_delivery_attempts_total',
  help: 'Tries of deliveries, by destination, kind and how they ended.',
  labelNames: [...ofRun, 'result'],
});
export const requests = new HotCounter({
  name: 'reprise_delivery_requests_total',
  help: 'Requests to destinations, by destination, kind and class of the HTTP status; none: no answer came.',
  labelNames: [...ofRun, 'status'],
});
export const requestSeconds = new HotHistogram({
  name: 'reprise_delivery_request_duration_seconds',
  help: 'How long destinations took to answer a request, by destination and kind.',
  labelNames: ofRun,
  buckets: secondsBuckets,
});
export const requestsInFlight = new HotGauge({
  name: 'reprise_delivery_requests_in_flight',
  help: 'Requests to destinations that are under way, by destination and kind.',
  labelNames: ofRun,
});
export const latencySeconds = new HotHistogram({
  name: 'reprise_delivery_latency_seconds',
  help: 'From when an event was received until the stream had delivered it, by destination. Two clocks: that of the API and that of the worker.',
  labelNames: ['destination'],
  buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 14_400],
});
export const budgetWaitSeconds = new Counter({
  name: 'reprise_budget_wait_seconds_total',
  help: 'Time for which lanes had something to send and the budget or pace let nothing leave, by destination and kind.',
  labelNames: ofRun,
  registers,
});
export const definitionRejections = new Counter({
  name: 'reprise_definition_rejections_total',
  help: "Promises of the catalog's code that were rejected and that nobody had awaited, by the definition's folder; none: they belong to no definition. Deliveries go on.",
  labelNames: ['definition'],
  registers,
});
export const lanesHeld = new Gauge({
  name: 'reprise_lanes_held',
  help: 'Lanes that this process works, by kind.',
  labelNames: ['kind'],
  registers,
});
export const leasesLost = new Counter({
  name: 'reprise_lane_leases_lost_total',
  help: "Lanes that became another worker's, or whose run ended, while this process worked them, by kind.",
  labelNames: ['kind'],
  registers,
});
export const laneCommitSeconds = new Histogram({
  name: 'reprise_lane_commit_duration_seconds',
  help: 'How long commits of lanes took (outcomes, mark and lease in one transaction), by kind.',
  labelNames: ['kind'],
  buckets: secondsBuckets,
  registers,
});
export const laneCommitFailures = new Counter({
  name: 'reprise_lane_commit_failures_total',
  help: 'Commits of lanes that failed; they are tried again while the lease or an outage lasts. By kind.',
  labelNames: ['kind'],
  registers,
});
