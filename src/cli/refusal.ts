import type { ApiAddress } from './address.ts';
import { exits, Failure, type Exit } from './failure.ts';
import { NotReprise, notReprise } from './not-reprise.ts';
import { optionOfField } from './option-of-field.ts';
import type { ProblemDocument } from './shapes.ts';
import { plain } from './texts.ts';

/** Codes whose exit is not that of their HTTP status. */
const exitOfCode: Readonly<Record<string, Exit>> = {
  idempotency_key_reused: exits.conflict,
};

const exitOfStatus: Readonly<Record<number, Exit>> = {
  400: exits.usage,
  401: exits.auth,
  403: exits.auth,
  404: exits.notFound,
  409: exits.conflict,
  422: exits.usage,
  429: exits.unreachable,
  502: exits.unreachable,
  503: exits.unreachable,
  504: exits.unreachable,
};

/** Where the other things of a kind can be seen, by what stands behind /api/ in the path of one. */
const commandOfPath: Readonly<Record<string, string>> = {
  replays: 'replay',
  events: 'event',
  catalog: 'catalog',
  destinations: 'destination',
  sources: 'source',
  notifications: 'notification',
};

/** An answer that the API refuses with, to a call of a path. */
export interface Refused {
  readonly status: number;
  readonly path: string;
  /** As it came. */
  readonly body: string;
}

/** What the API has refused, with its code. */
export class Refusal extends Failure {
  readonly code: string;

  constructor(exit: Exit, code: string, title: string, hints: readonly string[]) {
    super(exit, `${title} (${code})`, hints);
    this.code = code;
  }
}

/** Whether the same call can succeed later by itself: the API is away for the moment. */
export function mayPass(error: unknown): boolean {
  if (error instanceof NotReprise) return error.passes;
  return error instanceof Failure && error.exit === exits.unreachable;
}

/**
 * A refusal in words: what is wrong, each field that is at fault with its remedy, and where to read more. What no
 * Reprise writes is told as another server's.
 */
export function refusal({ status, path, body }: Refused, address: ApiAddress): Failure {
  const document = problemOf(body);
  const { code, title, detail, message: told, errors = [], requestId, type } = document;
  if (code === undefined || !isOfApi(document, path) || isTooDeep(detail, path, address))
    return notReprise(status, path, address);
  const exit = exitOfCode[code] ?? exitOfStatus[status] ?? exits.error;
  const fields = errors.map((fault) => {
    const place = fault.pointer ?? fault.parameter ?? '';
    const text = fault.detail ?? fault.message ?? '';
    const option = optionOfField(place);
    return plain(`${place === '' ? '' : `${place}: `}${text}${option === null ? '' : ` (${option})`}`);
  });
  const repeated = errors.some(
    (fault) => fault.detail !== undefined && detail?.includes(fault.detail) === true,
  );
  const said = detail === undefined || repeated ? [] : [plain(detail)];
  const next = exit === exits.auth ? authHint(address) : status === 404 ? listHint(path) : '';
  const hints = [...said, ...fields, next, more(address.url, type, requestId)];
  return new Refusal(
    exit,
    plain(code),
    plain(title ?? told ?? 'The request was refused'),
    hints.filter((line) => line !== ''),
  );
}

/** The admin API's problems lead to the page of their code; the tracking API's refusals have a message. */
function isOfApi({ code, type, message }: ProblemDocument, path: string): boolean {
  return type?.endsWith(`/errors/${code}`) === true || (path.startsWith('/v1/') && message !== undefined);
}

function authHint({ token }: ApiAddress): string {
  return token === null
    ? 'No token was found: give one by --token or REPRISE_TOKEN, or go to the folder of its `npm start`.'
    : 'Give another token by --token or REPRISE_TOKEN; `reprise doctor` says where this one was found.';
}

/** Reprise stands above the address, and nothing is where it was asked: its banner shows the address with /api. */
function isTooDeep(detail: string | undefined, path: string, { url }: ApiAddress): boolean {
  const { pathname } = new URL(url);
  return pathname !== '/' && detail?.includes(` ${pathname}${path}`) === true;
}

/** What helps whoever asked for something that is not there. */
function listHint(path: string): string {
  const command = commandOfPath[/^\/api\/(\w+)\/./.exec(path)?.[1] ?? ''];
  return command === undefined ? '' : `\`reprise ${command} list\` shows those there are.`;
}

function more(url: string, type: string | undefined, requestId: string | undefined): string {
  const docs = type?.startsWith('/') === true ? new URL(plain(type), url).href : '';
  const id = requestId === undefined ? '' : `request ${plain(requestId)}`;
  return [id, docs].filter((part) => part !== '').join(' · ');
}

function problemOf(body: string): ProblemDocument {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
