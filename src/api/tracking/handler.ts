import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { KeyedSource } from '../../db/write-keys.ts';
import { meterRequest } from '../request-meter.ts';
import {
  answerDocument,
  answerImage,
  answerMethods,
  answerPreflight,
  answerRefusal,
  answerScript,
  answerStrict,
  answerSuccess,
  answerTooFast,
} from './answer.ts';
import type { BodyShare } from './body-room.ts';
import { openBrowserClient, type BrowserClient } from './browser-client.ts';
import { addressOf, browserSettings, sourceConfig } from './browser-settings.ts';
import { doorOf, methodsOf, type Call, type Door } from './doors.ts';
import { openIntake, type Intake, type IntakeOptions } from './intake.ts';
import { pixelBody, pixelImage } from './pixel.ts';
import { eventsOf, keyOfBody, readCall } from './received.ts';
import { eventErrors, isRefusal, type Refusal, type StrictRefusal } from './refusal.ts';
import { readBody } from './request-body.ts';
import { answerTrack, trackPreflight } from './track-api/handler.ts';
import { traceparentOf } from './traceparent.ts';
import { keyOfHeader } from './write-key.ts';

export interface TrackingOptions extends IntakeOptions {
  /** Where clients reach this API; without it the address that they asked at. */
  readonly publicUrl?: string;
}

export interface TrackingHandler {
  /** Answers the request if its address belongs to the tracking API; false: it is somebody else's. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** Stores what was taken up, refuses the rest with 503, and writes what was counted of sources. */
  close(): Promise<void>;
}

/**
 * The tracking API: takes the calls of Segment-compatible clients and answers 200 once they are stored for good. It
 * stands in front of the application because it is the hot path: no framework, one parse, groups of requests share a
 * commit.
 */
export function createTrackingHandler(options: TrackingOptions): TrackingHandler {
  const intake = openIntake(options);
  let client: BrowserClient | null = null;
  const browserClient = () => (client ??= openBrowserClient()); // most processes never serve one
  const house = { intake, logger: options.logger, publicUrl: options.publicUrl, browserClient };
  return {
    handle: (request, response) => {
      const door = doorOf(request.url);
      if (door === null) return false;
      meterRequest('tracking', request, response, () => routeOf(door));
      if (door.kind === 'track') {
        if (request.method === 'OPTIONS') trackPreflight(request, response);
        else void answerTrack(request, response, door.address, house);
        return true;
      }
      const methods = door.kind === 'unknown' ? [] : methodsOf[door.kind];
      if (request.method === 'OPTIONS') answerPreflight(request, response);
      else if (door.kind === 'unknown') answerRefusal(request, response, 'unknown_address');
      else if (!methods.includes(request.method ?? '')) answerMethods(request, response, methods);
      else void answer(request, response, door, house);
      return true;
    },
    close: () => intake.close(),
  };
}

/** One name for all addresses of a door. */
const routeOf = (door: Door) => (door.kind === 'events' ? door.call : door.kind);

type KnownDoor = Exclude<Door, { kind: 'unknown' | 'track' }>;

interface House {
  readonly intake: Intake;
  readonly logger: Pick<Logger, 'error'> | undefined;
  readonly publicUrl: string | undefined;
  readonly browserClient: () => BrowserClient;
}

async function answer(request: IncomingMessage, response: ServerResponse, door: KnownDoor, house: House) {
  try {
    await enter(request, response, door, house);
  } catch (error) {
    if (request.destroyed && !request.complete) return; // the client has gone
    house.logger?.error({ err: error }, 'a request to the tracking API failed');
    if (door.kind === 'pixel') answerImage(request, response, pixelImage);
    else answerRefusal(request, response, 'unavailable');
  }
}

async function enter(request: IncomingMessage, response: ServerResponse, door: KnownDoor, house: House) {
  const { intake } = house;
  switch (door.kind) {
    case 'events': {
      const read = (share: BodyShare) => readBody(request, share);
      const taken = await take(request, door.call, intake, read, request.headers['user-agent']);
      if (isRefusal(taken)) return answerRefusal(request, response, taken);
      if ('errors' in taken) return answerStrict(request, response, taken);
      if ('waitMs' in taken) return answerTooFast(request, response, taken);
      return answerSuccess(request, response);
    }
    case 'metrics':
      request.resume();
      return answerSuccess(request, response);
    case 'pixel':
      // A page cannot do anything about a refusal: the image comes in any case.
      if (door.call !== null)
        await take(request, door.call, intake, () => Promise.resolve(pixelBody(door.query)));
      return answerImage(request, response, pixelImage);
    case 'settings': {
      const address = addressOf(request, house.publicUrl);
      return await answerOf(request, response, door.writeKey, intake, (key) => browserSettings(key, address));
    }
    case 'script': {
      const address = addressOf(request, house.publicUrl);
      const source = await intake.sourceOf(door.writeKey);
      if (isRefusal(source)) return answerRefusal(request, response, source);
      const script = house.browserClient().script(door.writeKey, address);
      return answerScript(request, response, script, `public, max-age=${settingsSeconds}`);
    }
    case 'bundle': {
      const bundle = house.browserClient().bundle(door.name);
      if (bundle === null) return answerRefusal(request, response, 'unknown_address');
      return answerScript(request, response, bundle, 'public, max-age=31536000, immutable');
    }
    case 'sourceConfig': {
      const key = keyOfHeader(request.headers.authorization) ?? door.query.get('writeKey') ?? '';
      return await answerOf(request, response, key, intake, sourceConfig);
    }
  }
}

function take(
  request: IncomingMessage,
  call: Call,
  intake: Intake,
  read: (share: BodyShare) => Promise<Uint8Array | Refusal>,
  userAgent?: string,
) {
  const key = keyOfHeader(request.headers.authorization);
  return intake.take({
    keys: key === null ? [] : [key],
    keyOf: keyOfBody,
    missingKey: 'write_key_missing',
    userAgent,
    traceparent: traceparentOf(request),
    read: async (share) => {
      const bytes = await read(share);
      return isRefusal(bytes) ? bytes : readCall(bytes, call);
    },
    eventsOf: (body, source, receivedAt) => eventsOf(call, body, source, receivedAt),
    objectTo: (received): StrictRefusal | null =>
      received.rejected.length > 0 && isStrict(request) ? { errors: eventErrors(received) } : null,
  });
}

/**
 * Whether a client wants to be told of events that cannot be accepted, instead of finding them among the rejected ones.
 * Source: docs.customer.io, integrations/api/cdp, strict mode.
 */
function isStrict(request: IncomingMessage): boolean {
  return /^(1|true)$/i.test(String(request.headers['x-strict-mode'] ?? ''));
}

/** For how long a client may keep its settings; a key that is revoked meanwhile is refused where events come in. */
const settingsSeconds = 120;

async function answerOf(
  request: IncomingMessage,
  response: ServerResponse,
  key: string,
  intake: Intake,
  documentOf: (key: string, source: KeyedSource) => unknown,
) {
  const source = key === '' ? 'write_key_missing' : await intake.sourceOf(key);
  if (isRefusal(source)) answerRefusal(request, response, source);
  else answerDocument(request, response, documentOf(key, source), settingsSeconds);
}
