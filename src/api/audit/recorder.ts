import { beginAudit, endAudit, type AuditContent } from '../../db/audit/write.ts';
import type { ApiDeps } from '../deps.ts';
import { isProblem, problemKinds, type Problem } from '../problem.ts';
import type { Answer, Incoming, Ready, Route } from '../route.ts';
import { maskForAudit } from './mask.ts';
import { AuditNotes, changedMembers } from './notes.ts';
import { changedBy, membersOfThing, readersOf } from './thing.ts';

/** Does what a route is asked for, and keeps a record of it if it may change something. */
export type Recorder = (route: Route, incoming: Incoming, ready: Ready) => Promise<Answer | Problem>;

/**
 * Makes the recorder of changes. A change is written down, committed, before it is made, and its end after it: a crash
 * leaves a change whose end is not told, never one that nobody wrote down. What cannot be written down is not done.
 * @param routes all of them: the one that reads a thing tells how it was before
 */
export function auditRecorder(deps: Pick<ApiDeps, 'db' | 'log'>, routes: readonly Route[]): Recorder {
  const readers = readersOf(routes);
  return async (route, incoming, ready) => {
    const { shape } = route;
    if (shape.method === 'get') return await ready();
    const { path, reader } = changedBy(shape, readers);
    const resource = addressOf(path, incoming);
    const before = reader === null ? undefined : await read(reader, incoming, resource);
    const number = await beginAudit(deps.db, {
      actor: incoming.caller,
      action: shape.operationId,
      resource,
      requestId: incoming.requestId,
      content: {
        route: `${shape.method.toUpperCase()} ${shape.path}`,
        ...(hasAny(incoming.query) && { query: maskForAudit(incoming.query) }),
        ...(incoming.body !== undefined && { body: maskForAudit(incoming.body) }),
        ...(before !== undefined && { before: maskForAudit(before) }),
      },
    });
    const tell = async (end: AuditContent, where = resource) => {
      await endAudit(deps.db, number, { resource: where, content: end }).catch((error: unknown) =>
        deps.log.error({ err: error, number }, 'the end of a change is not in the audit log'),
      );
    };
    return await ended(ready, { tell, reader, before, notes: incoming.notes });
  };
}

interface Change {
  readonly tell: (end: AuditContent, where?: string) => Promise<void>;
  readonly reader: Route | null;
  /** The thing as it was read; undefined: there was none. */
  readonly before: unknown;
  readonly notes: AuditNotes;
}

async function ended(ready: Ready, { tell, reader, before, notes }: Change): Promise<Answer | Problem> {
  try {
    const answer = await ready();
    if (isProblem(answer)) {
      await tell({ status: problemKinds[answer.problem][0], code: answer.problem, ...savedIn(notes) });
    } else {
      const { status, body, headers } = answer;
      const { unseen, changesNothing } = notes.told();
      const after = body === undefined ? {} : { after: maskForAudit(body) };
      // Compared before they are masked: a secret that was changed looks as before.
      const seen = changesNothing ? [] : changedMembers(before, membersOfThing(reader, body));
      const changed = [...seen, ...(unseen?.changed ?? [])];
      const more = { changed, ...(unseen !== undefined && { unseen }), ...savedIn(notes) };
      await tell({ status, ...after, ...more }, headers?.['location']);
    }
    return answer;
  } catch (error) {
    await tell({ status: problemKinds.internal[0], ...savedIn(notes) });
    throw error;
  }
}

function savedIn(notes: AuditNotes): AuditContent {
  const { savedByHooks } = notes.told();
  return savedByHooks === undefined ? {} : { savedByHooks: maskForAudit(savedByHooks) };
}

function addressOf(path: string, { params }: Incoming): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    String((params as Record<string, unknown>)[name]).toLowerCase(),
  );
}

const hasAny = (value: unknown) =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0;

async function read(reader: Route, incoming: Incoming, path: string): Promise<unknown> {
  const { headers, caller, log, requestId } = incoming;
  // A path below it has more of them.
  const params = Object.fromEntries(
    Object.entries(incoming.params as object).filter(([name]) => reader.shape.path.includes(`{${name}}`)),
  );
  const asked = { path, params, headers, caller, log, requestId };
  const ready = reader.check({
    ...asked,
    query: {},
    body: undefined,
    rawBody: Buffer.alloc(0),
    upload: null,
    notes: new AuditNotes(),
  });
  const answer = isProblem(ready) ? ready : await ready();
  return isProblem(answer) ? undefined : answer.body;
}
