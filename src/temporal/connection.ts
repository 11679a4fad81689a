import { Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { required, type Config } from '../config.ts';

/** How to reach Temporal: address, namespace, and TLS and API key by Temporal's own environment variables. */
export interface TemporalSettings {
  readonly namespace: string;
  readonly connection: ConnectionOptions;
}

/** Reads the settings. @throws ConfigError when no address is given */
export function temporalSettings(config: Config): TemporalSettings {
  const address = required(config, 'TEMPORAL_ADDRESS');
  // A profile file of the user's belongs to other deployments: only the environment counts here.
  const { connectionOptions } = loadClientConnectConfig({ disableFile: true });
  return { namespace: config.TEMPORAL_NAMESPACE, connection: { ...connectionOptions, address } };
}

/** A connection that is made on first use, so that a process starts while Temporal is away. */
export function openConnection(settings: TemporalSettings): Connection {
  return Connection.lazy({
    ...settings.connection,
    // gRPC's own reconnect backoff leaves a process blind for 20 s after an outage.
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 1_000 },
  });
}
