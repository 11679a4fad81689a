import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { isAtLeast, type Role } from '../core/role.ts';
import type { Caller } from './access/caller.ts';
import type { AuditNotes } from './audit/notes.ts';
import { problem, type Problem, type ProblemCode } from './problem.ts';
import { validate } from './validation.ts';

/** What a handler answers. `text` is a body that is already written (JSON unless a header says otherwise); `stream` takes over the response. */
export interface Answer<Body = unknown> {
  readonly status: number;
  readonly body?: Body;
  readonly text?: string | Buffer;
  readonly stream?: (response: ServerResponse) => void;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request after the token was checked and the body was parsed, before its fields are validated. */
export interface Incoming {
  /** Path with its ids, as it was called. */
  readonly path: string;
  readonly params: unknown;
  readonly query: unknown;
  /** undefined when no body came. */
  readonly body: unknown;
  readonly rawBody: Buffer;
  /** The body as it arrives, of a route that takes an upload; else null. */
  readonly upload: Readable | null;
  readonly headers: IncomingHttpHeaders;
  readonly caller: Caller;
  readonly requestId: string;
  readonly log: Logger;
  /** Takes what only the audit log is to hear of the change. */
  readonly notes: AuditNotes;
}

/** What a handler gets: everything validated. */
export interface Call<P, Q, B> {
  readonly path: string;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly rawBody: Buffer;
  readonly upload: Readable | null;
  readonly headers: IncomingHttpHeaders;
  readonly caller: Caller;
  readonly log: Logger;
  readonly notes: AuditNotes;
}

/** One kind of success, as the reference shows it. */
export interface DocumentedAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly example?: unknown;
  readonly mediaType?: string;
  /** Other types in which the same can be had, with an example of each. */
  readonly alsoAs?: Readonly<Record<string, string>>;
}

/** Everything that the reference says about a route; also what its requests are checked against. */
export interface RouteShape<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  /** What generated clients call it. */
  readonly operationId: string;
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /** With parameters in braces: `/api/sources/{id}`. */
  readonly path: `/${string}`;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Needs no token. */
  readonly open?: boolean;
  /** The role that it takes, where `roleNeeded` would not guess it. */
  readonly role?: Role;
  /** Whoever asks it of his own token, by its id in the path, needs no role. */
  readonly anyRoleForOwn?: boolean;
  /** Takes an Idempotency-Key. */
  readonly creates?: boolean;
  /** What it makes is a thing of its own; the one that its path names stays as it is. */
  readonly makesAnother?: boolean;
  readonly params?: P;
  readonly query?: Q;
  /** Request headers that the handler reads; for the reference only. */
  readonly headers?: z.ZodObject;
  readonly body?: B;
  readonly bodyExample?: unknown;
  /** The body is a file of any size that the handler reads as it arrives: an example for each type of file. */
  readonly upload?: Readonly<Record<string, string>>;
  /** The body may be left away; it then counts as `{}`. */
  readonly bodyOptional?: boolean;
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
  /** Refusals beside those that every route of its kind has. */
  readonly problems?: readonly ProblemCode[];
}

export type AnyRouteShape = RouteShape<z.ZodType, z.ZodType, z.ZodType>;

/** Does what a request asks for, once its fields are checked. */
export type Ready = () => Promise<Answer | Problem>;

/** A route that the application mounts and the reference describes. */
export interface Route {
  readonly shape: AnyRouteShape;
  /** Checks a request's fields. @returns what does it, or why it is refused */
  check(incoming: Incoming): Ready | Problem;
}

/** Binds a handler to the shape of its route. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  shape: RouteShape<P, Q, B>,
  handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Answer | Problem>,
): Route {
  return {
    shape,
    check: (incoming) => {
      const call = checked(shape, incoming);
      return 'problem' in call ? call : () => handle(call);
    },
  };
}

function checked<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  shape: RouteShape<P, Q, B>,
  incoming: Incoming,
): Call<z.output<P>, z.output<Q>, z.output<B>> | Problem {
  const { path, rawBody, upload, headers, caller, log, notes } = incoming;
  const params = shape.params === undefined ? undefined : validate(shape.params, incoming.params);
  if (params?.ok === false) return nothingHere(path);
  const query = checkedQuery(shape.query, incoming.query);
  if ('problem' in query) return query;
  const body = checkedBody(shape, incoming.body);
  if ('problem' in body) return body;
  return {
    path,
    params: params?.value as z.output<P>,
    query: query.value as z.output<Q>,
    body: body.value as z.output<B>,
    rawBody,
    upload,
    headers,
    caller,
    log,
    notes,
  };
}

/**
 * The role that a route takes. One that says nothing about it takes `viewer` to read and `admin` for all else, so that
 * a route whose author forgot it is not more open than it should be.
 */
export function roleNeeded({ method, role }: Pick<AnyRouteShape, 'method' | 'role'>): Role {
  return role ?? (method === 'get' ? 'viewer' : 'admin');
}

/** The refusal of a caller whose role does not do for a route, or null. @param id the one in the path, as it came */
export function roleRefusal(shape: AnyRouteShape, caller: Caller, id: unknown): Problem | null {
  const neededRole = roleNeeded(shape);
  if (isAtLeast(caller.role, neededRole)) return null;
  const isOwn = typeof id === 'string' && id.toLowerCase() === caller.tokenId;
  if (shape.anyRoleForOwn === true && isOwn) return null;
  const detail = `This takes the role \`${neededRole}\`, and the token "${caller.name}" has the role \`${caller.role}\`. Use a token of that role, or ask an admin for one.`;
  return problem('forbidden', detail, { members: { role: caller.role, neededRole } });
}

/** The refusal for an id or a path that leads nowhere. */
export function nothingHere(what: string): Problem {
  return problem(
    'not_found',
    `There is nothing at ${what}. It may have been deleted, or the id is not whole.`,
  );
}

function checkedQuery(schema: z.ZodType | undefined, query: unknown): { value: unknown } | Problem {
  if (schema === undefined) {
    const [unknown] = Object.keys(query as object);
    if (unknown === undefined) return { value: undefined };
    const detail = 'This address takes no query parameters. Leave it out.';
    return invalidQuery(unknown, detail);
  }
  const parsed = validate(schema, query);
  if (parsed.ok) return parsed;
  const errors = parsed.errors.map(({ pointer = '', detail }) => ({
    parameter: pointer.split('/')[1] ?? '', // of several values it is the parameter that is named
    detail,
  }));
  return problem('invalid_query', summaryOf(errors.map((error) => [error.parameter, error.detail])), {
    errors,
  });
}

function checkedBody(
  shape: { body?: z.ZodType; bodyOptional?: boolean },
  body: unknown,
): { value: unknown } | Problem {
  if (shape.body === undefined) {
    if (body === undefined || isEmptyObject(body)) return { value: undefined };
    return invalidBody([{ pointer: '', detail: 'This address takes no body. Leave it out.' }]);
  }
  if (body === undefined && shape.bodyOptional !== true) {
    return problem('malformed_json', 'The body is empty. Send a JSON object.');
  }
  const parsed = validate(shape.body, body ?? {});
  return parsed.ok ? parsed : invalidBody(parsed.errors);
}

const isEmptyObject = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

/** The refusal of one parameter of a query. */
export function invalidQuery(parameter: string, detail: string): Problem {
  return problem('invalid_query', `${parameter}: ${detail}`, { errors: [{ parameter, detail }] });
}

/** The refusal of a body for its fields; the detail names the first one and its remedy. */
export function invalidBody(errors: readonly { pointer?: string; detail: string }[]): Problem {
  return problem('invalid_body', summaryOf(errors.map((error) => [error.pointer, error.detail])), { errors });
}

function summaryOf(faults: readonly (readonly [string | undefined, string])[]): string {
  const [first] = faults;
  const place = first?.[0] === undefined || first[0] === '' ? 'The whole body' : first[0];
  const more = faults.length > 1 ? ` (And ${faults.length - 1} more: see errors.)` : '';
  return `${place}: ${first?.[1] ?? 'not usable'}${more}`;
}
