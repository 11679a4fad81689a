import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { claimIdempotencyKey, keepAnswer, type KeyedRequest } from '../db/idempotency.ts';
import type { Queryable } from '../db/sql.ts';
import { open, seal, type Keyring } from '../destinations/secrets.ts';
import type { ApiDeps } from './deps.ts';
import { changing } from './changing.ts';
import { answerPlace } from './sealed-place.ts';
import { isProblem, problem, type Problem } from './problem.ts';
import { route, type Answer, type Call, type Route, type RouteShape } from './route.ts';

/** What a creating handler made in its transaction. */
export interface Created {
  readonly answer: Answer;
  /** Runs once the transaction has committed. Its failure changes nothing: what it starts is also started later. */
  readonly afterCommit?: () => Promise<void>;
}

type Creates<P, Q, B> = (call: Call<P, Q, B>, tx: Queryable) => Promise<Created | Problem>;

/**
 * A POST that creates. Its handler works in one transaction, in which the answer is kept as well when the request has
 * an Idempotency-Key, so that the same request again gets the same answer and makes nothing twice. Refusals are not
 * kept: what was refused may be asked again with the same key.
 * @param finish turns the answer, whether just made or kept, into how things stand now
 */
export function creatingRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  deps: Pick<ApiDeps, 'db' | 'keyring'>,
  shape: RouteShape<P, Q, B>,
  create: Creates<z.output<P>, z.output<Q>, z.output<B>>,
  finish: (answer: Answer) => Promise<Answer> = (answer) => Promise.resolve(answer),
): Route {
  return route({ ...shape, creates: true }, async (call) => {
    const request = keyedRequest(shape.method, call, deps.keyring);
    if (isProblem(request)) return request;
    const made = await changing(deps.db, (tx) => once(tx, deps.keyring, request, () => create(call, tx)));
    if (isProblem(made)) return made;
    await made.afterCommit?.();
    return await finish(made.answer);
  });
}

async function once(
  tx: Queryable,
  keyring: Keyring,
  request: KeyedRequest | null,
  create: () => Promise<Created | Problem>,
): Promise<Created | Problem> {
  if (request === null) return await create();
  const claim = await claimIdempotencyKey(tx, request);
  if (claim.kind === 'in_flight') return inFlight;
  if (claim.kind === 'other_body') return otherBody;
  const place = answerPlace(request.route, request.key);
  if (claim.kind === 'answered') {
    const body = open(claim.sealed, place, keyring);
    return { answer: { status: claim.status, body, headers: { 'idempotency-replayed': 'true' } } };
  }
  const made = await create();
  if (isProblem(made)) return made;
  const { status, body } = made.answer;
  await keepAnswer(tx, request, { status, sealed: seal(body ?? null, place, keyring) });
  return made;
}

const inFlight = problem(
  'idempotency_in_flight',
  'A request with this Idempotency-Key is still under way. Ask again in a second to get its answer.',
  { headers: { 'retry-after': '1' } },
);
const otherBody = problem(
  'idempotency_key_reused',
  'This Idempotency-Key was used for a request with another body. Use a new key for a new request.',
);

/** The Idempotency-Key of a request; null when it has none. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | Problem | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  return problem(
    'invalid_idempotency_key',
    'Idempotency-Key takes 1 to 255 visible ASCII characters without spaces, for example a UUID.',
  );
}

function keyedRequest(
  method: string,
  call: Pick<Call<unknown, unknown, unknown>, 'path' | 'headers' | 'rawBody' | 'caller'>,
  keyring: Keyring,
): KeyedRequest | Problem | null {
  const key = idempotencyKeyOf(call.headers);
  if (key === null || isProblem(key)) return key;
  // Keyed, because a body may hold secrets that are short enough to be guessed from a plain hash.
  const hashes = [...keyring.keys.values()].map((secret) =>
    createHmac('sha256', secret).update(call.rawBody).digest('base64url'),
  );
  const [bodyHash = '', ...otherHashes] = hashes;
  // A key counts for its token alone: what one was answered is not for another.
  const { tokenId } = call.caller;
  const route = `${method.toUpperCase()} ${call.path}${tokenId === null ? '' : ` ${tokenId}`}`;
  return { key, route, bodyHash, otherHashes };
}
