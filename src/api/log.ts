import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pinoHttp, type HttpLogger } from 'pino-http';
import { errorForLog, type Logger } from '../log.ts';

/**
 * One line per answered request: method, path, status, time. Headers, query and body are left out altogether, so no
 * token, setting or user id can reach the log.
 */
export function requestLog(log: Logger): HttpLogger {
  return pinoHttp({
    logger: log,
    genReqId: requestIdOf,
    quietReqLogger: true,
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
  return id;
}

/** The path of a request without its query. */
export function pathOf(request: { readonly url?: string | undefined }): string {
  return (request.url ?? '/').replace(/[?#].*$/s, '');
}

function requestForLog(request: IncomingMessage & { originalUrl?: string }) {
  return { method: request.method, path: pathOf({ url: request.originalUrl ?? request.url }) };
}

function answerForLog(response: ServerResponse) {
  return { status: response.statusCode };
}
