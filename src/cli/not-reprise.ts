import type { ApiAddress } from './address.ts';
import { exits, Failure } from './failure.ts';
import { plain } from './texts.ts';

/** Paths of the tracking API, whose answers are those of the services that it stands in for. */
const tracking = /^\/v1\//;
/** With which proxies say that what is behind them is away, or does not answer in time. */
const passing: ReadonlySet<number> = new Set([502, 503, 504]);
const hintOfStatus: Readonly<Record<number, string>> = {
  401: 'What answers there wants a login of its own, which the token is not.',
  403: 'What answers there lets nobody pass who has no login of its own.',
  407: 'What answers there wants a login of its own, which the token is not.',
  413: 'A proxy takes no body of this size: raise its limit.',
};

/** Somebody answers, and it is not Reprise: Reprise itself was not reached. */
export class NotReprise extends Failure {
  /** It is a proxy, behind which Reprise may come back. */
  readonly passes: boolean;

  constructor(what: string, hints: readonly string[], passes = false) {
    super(exits.unreachable, `This address answers, but not as Reprise: ${what}`, hints);
    this.passes = passes;
  }
}

/** Whether an answer is none of a proxy, or of another server: the admin API gives each of its own an id. */
export function isOfReprise(response: Response, path: string): boolean {
  const type = response.headers.get('content-type') ?? '';
  return !type.startsWith('text/html') && (tracking.test(path) || response.headers.has('x-request-id'));
}

/** What is said of another server's answer. */
export function notReprise(status: number, path: string, { url, from }: ApiAddress): NotReprise {
  const what = `${url} (from ${from}) said ${status} to ${path}.`;
  if (passing.has(status))
    return new NotReprise(
      what,
      ['A proxy stands there, and does not reach what is behind it: see that Reprise runs.'],
      true,
    );
  const { origin, pathname } = new URL(url);
  const place = pathname === '/' ? 'See that host and port are those of Reprise.' : `Is it ${origin}?`;
  return new NotReprise(what, [...[hintOfStatus[status] ?? []].flat(), place]);
}

/** What is said of an answer that names another address. */
export function leadsElsewhere(response: Response, path: string, { url, from }: ApiAddress): NotReprise {
  const location = response.headers.get('location') ?? '';
  const target = URL.canParse(location, url) ? new URL(location, url) : null;
  const base = target === null ? 'another address' : target.origin + target.pathname.replace(path, '');
  return new NotReprise(`${url} (from ${from}) leads to ${plain(base)}.`, [
    'Give that address as --api-url, if it is yours.',
  ]);
}
