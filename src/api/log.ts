import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pinoHttp, type HttpLogger } from 'pino-http';
import type { Caller } from './access/caller.ts';
import { errorForLog, type Logger } from '../log.ts';

/**
 * One line per answered request: method, path, status, time, id of the token, and the trace that the caller named. Headers, query and body are left out altogether, so no
 * token, setting or user id can reach the log.
 */
export function requestLog(log: Logger): HttpLogger {
  return pinoHttp({
    logger: log,
    genReqId: requestIdOf,
    quietReqLogger: true,
    customProps: (request) => {
      const parent = traceParentOf(request);
      return parent === null ? {} : { traceId: parent.traceId };
    },
    customAttributeKeys: { reqId: 'requestId' },
    serializers: { req: requestForLog, res: answerForLog, err: errorForLog },
    wrapSerializers: false,
    autoLogging: { ignore: (request) => /^\/(healthz|readyz)$/.test(pathOf(request)) },
    customLogLevel: (_, response) => (response.statusCode >= 500 ? 'error' : 'info'),
  });
}

/** Takes the caller's X-Request-Id where it is a plain id, else makes one; the answer carries it. */
function requestIdOf(request: IncomingMessage, response: ServerResponse): string {
  const sent = request.headers['x-request-id'];
  const id = typeof sent === 'string' && /^[\w.:-]{1,128}$/.test(sent) ? sent : randomUUID();
  response.setHeader('x-request-id', id);
  const parent = traceParentOf(request);
  if (parent !== null) response.setHeader('traceparent', parent.text);
  return id;
}

/** The W3C Trace Context that a caller sent, null: none, or none that is whole. Source: w3.org/TR/trace-context, 3.2. */
function traceParentOf({ headers }: IncomingMessage): { text: string; traceId: string } | null {
  const sent = headers['traceparent'];
  const [text, traceId] =
    /^(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.exec(
      typeof sent === 'string' ? sent : '',
    ) ?? [];
  return text === undefined || traceId === undefined ? null : { text, traceId };
}

/** The path of a request without its query. */
export function pathOf(request: { readonly url?: string | undefined }): string {
  return (request.url ?? '/').replace(/[?#].*$/s, '');
}

function requestForLog(request: IncomingMessage & { originalUrl?: string }) {
  return { method: request.method, path: pathOf({ url: request.originalUrl ?? request.url }) };
}

function answerForLog(response: ServerResponse & { locals?: { caller?: Caller } }) {
  const caller = response.locals?.caller;
  return {
    status: response.statusCode,
    ...(caller !== undefined && { token: caller.tokenId ?? caller.name }),
  };
}
