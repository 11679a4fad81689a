import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { route, type Route } from '../route.ts';

const tag = 'Reference';
const folder = new URL('../../../assets/api-reference/', import.meta.url);

/**
 * Only files of this server, and no address but this server's. The viewer writes its styles into the page, which is
 * why inline styles are let in; inline scripts are not.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'unsafe-inline'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The OpenAPI document, and a page that shows it. @param document made once, when it is first asked for */
export function referenceRoutes(document: () => object): Route[] {
  let text: string | undefined;
  return [
    route(
      {
        operationId: 'getOpenApiDocument',
        method: 'get',
        path: '/api/openapi.json',
        tag,
        summary: 'This document',
        open: true,
        answers: {
          200: {
            description: 'OpenAPI 3.1.',
            schema: z.looseObject({ openapi: z.string() }),
            example: { openapi: '3.1.1' },
          },
        },
      },
      () => Promise.resolve({ status: 200, text: (text ??= JSON.stringify(document())) }),
    ),
    file({
      operationId: 'getReferencePage',
      path: '/docs',
      summary: 'The reference as a page',
      name: 'index.html',
      headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy },
    }),
    file({
      operationId: 'getReferenceViewer',
      path: '/docs/rapidoc.js',
      summary: 'The script of the page',
      name: 'rapidoc-9.3.8.min.js',
      headers: { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'public, max-age=86400' },
    }),
  ];
}

function file(served: {
  operationId: string;
  path: `/${string}`;
  summary: string;
  name: string;
  headers: Readonly<Record<'content-type', string> & Record<string, string>>;
}): Route {
  const { operationId, path, summary, name, headers } = served;
  const mediaType = headers['content-type'].replace(/;.*/, '');
  let content: Buffer | undefined;
  return route(
    {
      operationId,
      method: 'get',
      path,
      tag,
      summary,
      open: true,
      answers: { 200: { description: 'The file.', mediaType } },
    },
    async () => ({ status: 200, headers, text: (content ??= await readFile(new URL(name, folder))) }),
  );
}
