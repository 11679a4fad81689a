import type { IncomingMessage } from 'node:http';
import type { KeyedSource } from '../../db/write-keys.ts';

/** Where a client reaches this server, and how. */
export interface ApiAddress {
  /** `host:port`, with a path where a proxy has one before us. */
  readonly home: string;
  /** The same with `/v1`. */
  readonly apiHost: string;
  readonly protocol: 'http' | 'https';
}

/**
 * The address that a request came to, so that what is answered works from wherever the client is.
 * @param publicUrl said by the operator; without it the Host header counts, and a proxy's word for https
 */
export function addressOf(request: IncomingMessage, publicUrl: string | undefined): ApiAddress {
  if (publicUrl !== undefined) {
    const { host, protocol, pathname } = new URL(publicUrl);
    const home = host + pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
    return { home, apiHost: `${home}/v1`, protocol: protocol === 'https:' ? 'https' : 'http' };
  }
  const forwarded = String(request.headers['x-forwarded-proto'] ?? '').split(',', 1)[0];
  const secure = forwarded?.trim().toLowerCase() === 'https' || 'encrypted' in request.socket;
  const home = request.headers.host ?? 'localhost';
  return { home, apiHost: `${home}/v1`, protocol: secure ? 'https' : 'http' };
}

/**
 * What Segment's and Customer.io's browser clients ask for before they send. Each of them looks for its own name among
 * the integrations. Sources: @segment/analytics-next and @customerio/cdp-analytics-browser, LegacySettings.
 */
export function browserSettings(writeKey: string, { apiHost, protocol }: ApiAddress) {
  const sending = {
    apiKey: writeKey,
    apiHost,
    protocol,
    unbundledIntegrations: [],
    addBundledMetadata: true,
  };
  const all = { __default: { enabled: true, integrations: {} } };
  return {
    integrations: { 'Segment.io': sending, 'Customer.io Data Pipelines': sending },
    plan: { track: all, identify: all, group: all },
    edgeFunction: {},
    analyticsNextEnabled: true,
    middlewareSettings: {},
    enabledMiddleware: {},
    metrics: { sampleRate: 0 }, // nobody reads what clients tell of themselves
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
  };
}

/**
 * The same for a script that is served with its settings. With no name but its own among the integrations, Segment's
 * client loads none of its lazy parts, which ad blockers know as well.
 */
export function scriptSettings(writeKey: string, address: ApiAddress) {
  const settings = browserSettings(writeKey, address);
  return { ...settings, integrations: { 'Segment.io': settings.integrations['Segment.io'] } };
}

/** What clients of RudderStack's family ask for. No destination is worked in the client: all is sent here. */
export function sourceConfig(writeKey: string, { sourceId, name }: KeyedSource) {
  const statistics = { errors: { enabled: false }, metrics: { enabled: false } };
  return {
    source: {
      id: sourceId,
      name,
      writeKey,
      enabled: true,
      workspaceId: 'reprise',
      config: { statsCollection: statistics },
      connections: [],
      destinations: [],
      dataplanes: {},
    },
    updatedAt: new Date().toISOString(),
  };
}
