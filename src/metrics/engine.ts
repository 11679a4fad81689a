import { Gauge } from 'prom-client';
import { registry } from './registry.ts';

const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
  new Gauge<L>({ name, help, labelNames, registers: [registry] });

/** Whether the servers answer the process that is asked. */
export const postgresUp = gauge('reprise_postgres_up', 'Whether Postgres answers this process: 1 or 0.');
export const temporalUp = gauge('reprise_temporal_up', 'Whether Temporal answers this process: 1 or 0.');

/** What stands in Postgres, which every API process tells alike. */
export const engine = {
  head: gauge('reprise_archive_head_position', 'The last position of the archive.'),
  databaseBytes: gauge('reprise_database_size_bytes', 'What the database takes of its disk.'),
  source: gauge('reprise_source_info', 'Always 1: the name of each source.', ['source', 'name']),
  destination: gauge('reprise_destination_info', 'Always 1: the name and type of each destination.', [
    'destination',
    'name',
    'type',
  ]),
  down: gauge(
    'reprise_destination_down',
    'Whether a lane of the destination is held because it is down: 1 or 0.',
    ['destination'],
  ),
  streamPaused: gauge('reprise_stream_paused', 'Whether somebody has paused the stream: 1 or 0.', [
    'destination',
  ]),
  streamLag: gauge(
    'reprise_stream_lag_events',
    'Positions of the archive between the mark of the stream and the head: at most so many events are still to be sent.',
    ['destination'],
  ),
  streamLagSeconds: gauge(
    'reprise_stream_lag_seconds',
    'How long ago the oldest live event above the mark of the stream was received; 0: none is.',
    ['destination'],
  ),
  replayRemaining: gauge(
    'reprise_replay_remaining_events',
    'Events that open replays have still to settle.',
    ['destination'],
  ),
  replayRate: gauge(
    'reprise_replay_rate_events_per_second',
    'Events that running replays settle in a second.',
    ['destination'],
  ),
  replays: gauge('reprise_replays', 'Replays that have not ended, by what is wanted of them.', ['desired']),
  waiting: gauge('reprise_deliveries_waiting', 'Events set aside for a later try, by destination and kind.', [
    'destination',
    'kind',
  ]),
  deadLetters: gauge(
    'reprise_dead_letters_open',
    'Dead letters that nothing has taken up or settled since, of the newest 1,000 of each destination.',
    ['destination'],
  ),
} as const;
