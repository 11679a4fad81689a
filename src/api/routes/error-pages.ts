import { z } from 'zod';
import { errorIndex, errorPage } from '../errors/error-pages.ts';
import { nothingHere, route, type Answer, type Route } from '../route.ts';

const tag = 'Reference';
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const answers = { 200: { description: 'The page.', mediaType: 'text/html' } };

const asPage = (text: string): Answer => ({
  status: 200,
  text,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'cache-control': 'public, max-age=3600',
  },
});

/** A page for every error code: the `type` of a problem leads to it. */
export function errorPageRoutes(): Route[] {
  return [
    route(
      {
        operationId: 'listErrorPages',
        method: 'get',
        path: '/docs/errors',
        tag,
        summary: 'All error codes',
        open: true,
        answers,
      },
      () => Promise.resolve(asPage(errorIndex())),
    ),
    route(
      {
        operationId: 'getErrorPage',
        method: 'get',
        path: '/docs/errors/{code}',
        tag,
        summary: 'What an error code means and what to do about it',
        open: true,
        params: z.strictObject({ code: z.string().meta({ example: 'replay_running' }) }),
        answers,
        problems: ['not_found'],
      },
      ({ params, path }) => {
        const text = errorPage(params.code);
        return Promise.resolve(text === null ? nothingHere(path) : asPage(text));
      },
    ),
  ];
}
