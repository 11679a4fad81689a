import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import { isOutage } from '../db/outage.ts';
import { nobody, type Caller } from './access/caller.ts';
import { identifier } from './access/identify.ts';
import { requestRate } from './access/request-rate.ts';
import { AuditNotes } from './audit/notes.ts';
import { auditRecorder, type Recorder } from './audit/recorder.ts';
import { bodyLimit, parseBody } from './body.ts';
import type { ApiDeps } from './deps.ts';
import { pathOf, requestLog } from './log.ts';
import { isProblem, problem, problemDocument, problemKinds, type Problem } from './problem.ts';
import { nothingHere, roleRefusal, type Answer, type Route } from './route.ts';
import { apiRoutes } from './routes.ts';
import { meterRequest } from './request-meter.ts';
import { liftDeadline } from './server.ts';

/** The admin API as a request listener: every route of `apiRoutes`, and problems for everything else. */
export function createApp(deps: ApiDeps): Express {
  const app = express();
  const routes = apiRoutes(deps);
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((request, response, next) => {
    meterRequest('admin', request, response, () => routeOf(response));
    next();
  });
  app.use(requestLog(deps.log));
  app.use(helmet({ contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"] } } }));
  const guard = tokenGuard(deps);
  const record = auditRecorder(deps, routes);
  for (const route of routes) mount(app, route, guard, record);
  app.use('/api', guard);
  app.use(notServed(routes));
  app.use(onError);
  return app;
}

function mount(app: Express, route: Route, guard: RequestHandler, record: Recorder): void {
  const { shape } = route;
  const readsBody = shape.method !== 'get' && shape.upload === undefined;
  const access = shape.open === true ? [] : [guard, roleGuard(route)];
  const body = readsBody ? [express.raw({ type: () => true, limit: bodyLimit })] : [];
  const named: RequestHandler = (_, response, next) => {
    response.locals['route'] = shape.path;
    next();
  };
  app[shape.method](expressPath(shape.path), named, ...access, ...body, (request, response) =>
    serve(route, record, request, response),
  );
}

/** The path of the route that took a request, as the reference has it. */
const routeOf = (response: Response) => (response.locals['route'] as string | undefined) ?? 'none';

/** `/api/sources/{id}` as Express writes it. */
function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

async function serve(route: Route, record: Recorder, request: Request, response: Response): Promise<void> {
  const upload = route.shape.upload === undefined ? null : request;
  if (upload !== null) takeUpload(request, response);
  const rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const body = upload === null ? parseBody(rawBody, request.headers['content-type']) : { value: undefined };
  if (isProblem(body)) return refuse(request, response, body);
  const incoming = {
    path: pathOf({ url: request.originalUrl }),
    params: request.params,
    query: request.query,
    body: body.value,
    rawBody,
    upload,
    headers: request.headers,
    caller: callerOf(response),
    requestId: request.id as string,
    log: request.log,
    notes: new AuditNotes(),
  };
  const ready = route.check(incoming);
  if (isProblem(ready)) return refuse(request, response, ready);
  const answer = await record(route, incoming, ready);
  if (isProblem(answer)) refuse(request, response, answer);
  else respond(request, response, answer);
}

/** How long what still comes of a refused upload is read and forgotten, so that its sender sees the answer; milliseconds. */
const lingerMs = 2_000;

/** An upload takes as long as it takes; what its route has not read when it answers is let pass. */
function takeUpload(request: Request, response: Response): void {
  liftDeadline(request);
  response.once('finish', () => {
    if (request.complete) return;
    request.removeAllListeners('readable').resume();
    const cut = () => {
      // Once it has come to its end, the connection belongs to the requests behind it.
      if (!request.complete) request.destroy();
    };
    setTimeout(cut, lingerMs).unref();
  });
}

function respond(request: Request, response: Response, answer: Answer): void {
  response
    .status(answer.status)
    .set('cache-control', 'no-store')
    .set(answer.headers ?? {});
  if (answer.stream !== undefined && request.method !== 'HEAD') return answer.stream(response);
  const text = answer.text ?? (answer.body === undefined ? '' : JSON.stringify(answer.body));
  if (text !== '' && !response.hasHeader('content-type')) response.type('application/json');
  response.end(text);
}

function refuse(request: Request, response: Response, refusal: Problem): void {
  const document = problemDocument(refusal, request.id as string);
  response.status(problemKinds[refusal.problem][0]);
  response.set({ 'cache-control': 'no-store', ...refusal.headers });
  response.set('content-type', 'application/problem+json').end(JSON.stringify(document));
}

/** Lets through whoever has a token, and keeps who that is. */
function tokenGuard(deps: ApiDeps): RequestHandler {
  const identify = identifier(deps);
  const take = requestRate(deps.requestsPerSecond);
  return async (request, response, next) => {
    const caller = await identify(request.headers.authorization);
    if (isProblem(caller)) return refuse(request, response, caller);
    response.locals['caller'] = caller;
    const { headers, refusal } = take(caller, performance.now());
    response.set(headers);
    if (refusal === null) next();
    else refuse(request, response, refusal);
  };
}

function roleGuard({ shape }: Route): RequestHandler {
  return (request, response, next) => {
    const refusal = roleRefusal(shape, callerOf(response), request.params['id']);
    if (refusal === null) next();
    else refuse(request, response, refusal);
  };
}

const callerOf = (response: Response) => (response.locals['caller'] as Caller | undefined) ?? nobody;

/** No route took the request: either its method is wrong, or there is nothing at its path. */
function notServed(routes: readonly Route[]) {
  const paths = [...Map.groupBy(routes, (route) => route.shape.path)].map(([path, group]) => ({
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`, 'i'),
    methods: group.map((route) => route.shape.method.toUpperCase()),
  }));
  return (request: Request, response: Response) => {
    const known = paths.find(({ pattern }) => pattern.test(pathOf(request)));
    if (known === undefined) return refuse(request, response, nothingHere(pathOf(request)));
    const allow = [...known.methods, ...(known.methods.includes('GET') ? ['HEAD'] : [])].join(', ');
    const detail = `${request.method} is not taken here. Use one of: ${allow}.`;
    refuse(request, response, problem('method_not_allowed', detail, { headers: { allow } }));
  };
}

// Express knows an error handler by its four parameters.
function onError(error: unknown, request: Request, response: Response, next: NextFunction): void {
  const refusal = refusalOf(error);
  if (refusal.problem === 'internal' || refusal.problem === 'unavailable') {
    request.log.error({ err: error }, refusal.problem);
  }
  if (response.headersSent) next(error);
  else refuse(request, response, refusal);
}

function refusalOf(error: unknown): Problem {
  const { type, status } = error as { type?: unknown; status?: unknown };
  if (type === 'entity.too.large') {
    return problem('body_too_large', `The body is larger than ${bodyLimit} bytes. Send less at once.`);
  }
  if (type === 'encoding.unsupported') {
    return problem('unsupported_media_type', 'Content-Encoding takes gzip, deflate, br or nothing.');
  }
  if (error instanceof URIError) return nothingHere('this path: its escapes are not UTF-8');
  if (status === 400) return problem('malformed_json', 'The body broke off, or could not be inflated.');
  if (isOutage(error)) {
    return problem('unavailable', 'The database cannot do this now. Try again in a few seconds.', {
      headers: { 'retry-after': '2' },
    });
  }
  return problem('internal', 'An unexpected error; the log has it under this requestId.');
}
