import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { answerJson, answerPreflight } from '../answer.ts';
import { addressOf } from '../browser-settings.ts';
import type { Intake } from '../intake.ts';
import { readBatch, readJson } from '../received.ts';
import { isRefusal, type Refusal } from '../refusal.ts';
import { readBody } from '../request-body.ts';
import { traceparentOf } from '../traceparent.ts';
import { trackKeysOf } from '../write-key.ts';
import type { TrackAddress, TrackOperation } from './addresses.ts';
import {
  answerErrors,
  answerTaken,
  answerTrackMethods,
  answerTrackRefusal,
  answerTrackTooFast,
} from './answer.ts';
import { operationsOf } from './received.ts';

/** What the door to Customer.io's Track API needs of the house that it is in. */
interface House {
  readonly intake: Intake;
  readonly logger: Pick<Logger, 'error'> | undefined;
  /** Where clients reach this API; without it the address that they asked at. */
  readonly publicUrl: string | undefined;
}

/** Lets a page of any origin ask for every method of the Track API. */
export function trackPreflight(request: IncomingMessage, response: ServerResponse): void {
  answerPreflight(request, response, 'GET, POST, PUT, DELETE, OPTIONS');
}

/**
 * Answers as Customer.io's Track API does, v1 and v2, so that its libraries work unchanged when their base address
 * points here. What an operation becomes is told in `operations.ts`. @param address null: it is none of them
 */
export async function answerTrack(
  request: IncomingMessage,
  response: ServerResponse,
  address: TrackAddress | null,
  house: House,
): Promise<void> {
  if (address === null) return answerTrackRefusal(request, response, 'unknown_track_address');
  const operation = address.operations[request.method ?? ''];
  if (operation === undefined) return answerTrackMethods(request, response, Object.keys(address.operations));
  try {
    if (operation === 'region') return await answerRegion(request, response, house);
    const taken = await take(request, operation, address, house.intake);
    if (isRefusal(taken)) return answerTrackRefusal(request, response, taken);
    if ('waitMs' in taken) return answerTrackTooFast(request, response, taken);
    if (taken.faults.length === 0) return answerTaken(request, response);
    return answerErrors(request, response, taken.faults, operation === 'batch');
  } catch (error) {
    if (request.destroyed && !request.complete) return; // the client has gone
    house.logger?.error({ err: error }, 'a request to the Track API failed');
    answerTrackRefusal(request, response, 'unavailable');
  }
}

async function take(
  request: IncomingMessage,
  operation: Exclude<TrackOperation, 'region'>,
  address: TrackAddress,
  intake: Intake,
) {
  return await intake.take({
    keys: trackKeysOf(request.headers.authorization),
    keyOf: () => null,
    missingKey: 'api_key_missing',
    userAgent: request.headers['user-agent'],
    traceparent: traceparentOf(request),
    read: async (share) => {
      const bytes = await readBody(request, share);
      return isRefusal(bytes) ? bytes : bodyOf(bytes, operation);
    },
    eventsOf: (body, source, receivedAt) => operationsOf(operation, address, body, source, receivedAt),
  });
}

/** In v1 the address may say everything: then there is often no body. Too deep a body is told of its operation. */
function bodyOf(bytes: Uint8Array, operation: TrackOperation) {
  if (operation === 'batch') return readBatch(bytes);
  return readJson(bytes.length === 0 && operation !== 'entity' ? Buffer.from('{}') : bytes);
}

/** There is one region and one workspace here. Source: docs.customer.io, integrations/api/track, account region. */
async function answerRegion(request: IncomingMessage, response: ServerResponse, house: House): Promise<void> {
  const keys = trackKeysOf(request.headers.authorization);
  const source: Refusal | object =
    keys.length === 0 ? 'api_key_missing' : await house.intake.sourceOf(...keys);
  if (isRefusal(source)) return answerTrackRefusal(request, response, source);
  const { home, protocol } = addressOf(request, house.publicUrl);
  answerJson(request, response, 200, { url: `${protocol}://${home}`, region: 'us', environment_id: 1 });
}
