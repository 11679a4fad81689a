import { exits, Failure, type Exit } from './failure.ts';
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
  502: exits.unreachable,
  503: exits.unreachable,
  504: exits.unreachable,
};

/**
 * A refusal of the API in words: what is wrong, each field that is at fault with its remedy, and where to read more.
 * @param body the answer's body, as it came
 */
export function refusal(status: number, body: string, url: string): Failure {
  const document = problemOf(body);
  const { code, title, detail, message: told, errors = [], requestId, type } = document;
  const exit = (code === undefined ? undefined : exitOfCode[code]) ?? exitOfStatus[status] ?? exits.error;
  if (code === undefined) {
    return new Failure(exit, `${url} answered ${status}, and not as Reprise does.`, [
      'Is that where its API is?',
    ]);
  }
  const message = `${plain(title ?? told ?? 'The request was refused')} (${code})`;
  const fields = errors.map((fault) => {
    const place = fault.pointer ?? fault.parameter ?? '';
    const text = fault.detail ?? fault.message ?? '';
    return plain(place === '' ? text : `${place}: ${text}`);
  });
  const repeated = errors.some(
    (fault) => fault.detail !== undefined && detail?.includes(fault.detail) === true,
  );
  const said = detail === undefined || repeated ? [] : [plain(detail)];
  const isAuth = exit === exits.auth;
  return new Failure(exit, message, [
    ...said,
    ...fields,
    ...(isAuth
      ? ['Give another token by --token or REPRISE_TOKEN; `reprise doctor` says where this one was found.']
      : []),
    ...[more(url, type, requestId)].filter((line) => line !== ''),
  ]);
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
