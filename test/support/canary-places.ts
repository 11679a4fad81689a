import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Place } from './canaries.ts';
import type { Product } from './product.ts';

/** A client of the admin API that keeps all that it is answered. */
export interface Listener {
  readonly places: Place[];
  /** @param shownOnce the member of the answer that shows a secret this one time, which is not kept */
  readonly ask: (method: string, path: string, body?: unknown, options?: AskOptions) => Promise<Heard>;
  /** Follows a stream of events until `close`. */
  follow(path: string): void;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly shownOnce?: string;
}

export interface Heard {
  readonly status: number;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into whatever came
  readonly body: any;
}

/** Opens a client of a product's admin API. */
export function listenTo(product: Product, adminToken: string): Listener {
  const places: Place[] = [];
  const ends: AbortController[] = [];
  const streams: Promise<void>[] = [];
  const authorization = `Bearer ${adminToken}`;
  return {
    places,
    ask: async (method, path, body, { token = adminToken, headers = {}, shownOnce } = {}) => {
      const response = await fetch(product.apiUrl + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      const parsed: unknown = isJson && text !== '' ? JSON.parse(text) : null;
      const secret = shownOnce === undefined ? undefined : (parsed as Record<string, string>)[shownOnce];
      const kept = secret === undefined ? text : text.replace(secret, '');
      const head = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
      places.push({ name: `${method} ${path}`, bytes: Buffer.from(`${head}\n\n${kept}`) });
      return { status: response.status, text, body: parsed };
    },
    follow: (path) => {
      const end = new AbortController();
      ends.push(end);
      streams.push(heard(product.apiUrl + path, { headers: { authorization }, signal: end.signal }, places));
    },
    close: async () => {
      for (const end of ends) end.abort();
      await Promise.all(streams);
    },
  };
}

async function heard(url: string, request: RequestInit, places: Place[]): Promise<void> {
  let text = '';
  try {
    const response = await fetch(url, request);
    for await (const chunk of response.body!) text += Buffer.from(chunk as Uint8Array).toString();
  } catch {
    // It is ended by the listener.
  }
  places.push({ name: `stream of ${new URL(url).pathname}`, bytes: Buffer.from(text) });
}

interface Document {
  readonly paths: Readonly<Record<string, { readonly get?: Operation }>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: object }>>;
}

const isStream = ({ responses }: Operation) => 'text/event-stream' in (responses['200']?.content ?? {});

/**
 * Reads every address of the API that can be read, with the ids that its lists have.
 * @returns the templates of those of which nothing was there to be read
 */
export async function readEverything({ ask }: Listener): Promise<string[]> {
  const { paths } = (await ask('GET', '/api/openapi.json')).body as Document;
  const known = new Map<string, string[]>();
  const unread: string[] = [];
  const templates = Object.entries(paths).flatMap(([path, { get }]) =>
    get === undefined || isStream(get) ? [] : [path],
  );
  // A list comes before what its ids name.
  for (const template of templates.toSorted((a, b) => a.split('{').length - b.split('{').length)) {
    const [list = '', ...more] = template.split(/\/\{[^}]+\}/);
    const ids = template.includes('{') ? (known.get(list) ?? []) : [''];
    if (ids.length === 0) unread.push(template);
    for (const id of ids) {
      const path = template.includes('{') ? [list, `/${id}`, ...more].join('') : template;
      const { body } = await ask('GET', path);
      if (Array.isArray(body?.data) && !known.has(path)) known.set(path, idsIn(body.data));
    }
  }
  return unread;
}

/** Some of each list: what it has of one more is alike. */
function idsIn(rows: readonly Record<string, unknown>[]): string[] {
  const names = rows.map(
    (row) => row['id'] ?? row['position'] ?? row['number'] ?? row['type'] ?? row['code'],
  );
  return names
    .filter((name) => typeof name === 'string' || typeof name === 'number')
    .map((name) => encodeURIComponent(name))
    .slice(0, 60);
}

/** Each table of a database, as text. */
export async function tablesOf(databaseUrl: string): Promise<Place[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1`,
    );
    const places: Place[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      const text = rows.map(({ row }) => row).join('\n');
      places.push({ name: `table ${name}`, bytes: Buffer.from(text) });
    }
    return places;
  } finally {
    await client.end();
  }
}

/** Every file below a folder, byte for byte. @param without paths below it that hold a secret by their nature */
export function filesIn(folder: string, without: readonly string[]): Place[] {
  const names = readdirSync(folder, { recursive: true }) as string[];
  return names
    .filter((name) => !without.includes(name) && statSync(join(folder, name)).isFile())
    .map((name) => ({ name: `file ${name}`, bytes: readFileSync(join(folder, name)) }));
}

interface Execution {
  readonly execution: { readonly workflowId: string; readonly runId: string };
}

/** Everything that Temporal keeps of workflows: histories and descriptions, as they are and with their payloads decoded. */
export async function historiesOf(temporalUrl: string): Promise<Place[]> {
  const workflows = `${temporalUrl}/api/v1/namespaces/default/workflows`;
  const text = async (url: string) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    return await answer.text();
  };
  const { executions = [], nextPageToken } = JSON.parse(await text(`${workflows}?pageSize=1000`)) as {
    executions?: Execution[];
    nextPageToken?: string;
  };
  if ((nextPageToken ?? '') !== '') throw new Error('there are more workflows than one page has');
  const places: Place[] = [];
  for (const { execution } of executions) {
    const of = `${workflows}/${encodeURIComponent(execution.workflowId)}`;
    const run = `execution.runId=${execution.runId}`;
    const described = await text(`${of}?${run}`);
    let page = '';
    do {
      const token = page === '' ? '' : `&nextPageToken=${encodeURIComponent(page)}`;
      const history = await text(`${of}/history?${run}${token}`);
      page = (JSON.parse(history) as { nextPageToken?: string }).nextPageToken ?? '';
      const decoded = [described, history].map(withPayloads).join('\n');
      places.push({ name: `history of ${execution.workflowId}`, bytes: Buffer.from(decoded) });
    } while (page !== '');
  }
  return places;
}

/** A text of Temporal's API, and what its payloads hold. */
function withPayloads(text: string): string {
  const payloads = [...text.matchAll(/"data":\s*"([A-Za-z0-9+/=]+)"/g)];
  return [text, ...payloads.map(([, data = '']) => Buffer.from(data, 'base64').toString())].join('\n');
}

/** What each process counts: the API on its own port, and each process on that of metrics. */
export async function metricsOf({ ask }: Listener, output: string): Promise<Place[]> {
  const api = await ask('GET', '/metrics');
  const [, ports = ''] = /without a token on ports ([\d, ]+)/.exec(output) ?? [];
  const places: Place[] = [{ name: 'metrics of the API', bytes: Buffer.from(api.text) }];
  for (const port of ports.split(', ')) {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    places.push({ name: `metrics of port ${port}`, bytes: Buffer.from(await answer.text()) });
  }
  return places;
}
