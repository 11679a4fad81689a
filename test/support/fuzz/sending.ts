import { Agent, request as httpRequest } from 'node:http';
import type { Answered } from '../api.ts';
import type { Plan } from './requests.ts';

/** What answers have told: requests to come use it. */
export interface Told {
  /** By the list that has them: `sources`, `replays`. */
  readonly ids: Record<string, string[]>;
  readonly cursors: string[];
}

/** A request as it goes out. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

/** Fills in what was told until now. */
export function written(plan: Plan, told: Told, authorization: string): Sent {
  const fill = (text: string) =>
    text
      .replaceAll(/<id ([\w-]+) (\d+)>/g, (_, list: string, at: string) => idOf(told, list, Number(at)))
      .replaceAll(/<cursor (\d+)>/g, (_, at: string) => pick(told.cursors, Number(at)) ?? 'none');
  const params = (name: string) => escaped(fill(plan.params[name] ?? ''));
  const query = plan.query.map(([name, value]) => `${escaped(name)}=${escaped(fill(value))}`).join('&');
  const path = plan.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params(name));
  const body = plan.body === null ? null : Buffer.from(fill(plan.body));
  const cut =
    body === null || plan.cut === null ? body : body.subarray(0, Math.floor(body.length * plan.cut));
  return {
    method: plan.method,
    path: query === '' ? path : `${path}?${query}`.slice(0, 60_000),
    headers: { authorization, ...plan.headers },
    body: cut,
  };
}

function idOf({ ids }: Told, list: string, at: number): string {
  return pick(ids[list] ?? Object.values(ids).flat(), at) ?? '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e';
}

const pick = (list: readonly string[], at: number) =>
  list.length === 0 ? undefined : list[at % list.length];

/** Percent-encoded, but for escapes that mean nothing and half characters, which go out as bytes that are no UTF-8. */
function escaped(text: string): string {
  if (/^%(00|ff)$/.test(text)) return text;
  return encodeURIComponent(text.toWellFormed()).replaceAll('%EF%BF%BD', '%ed%a0%80').slice(0, 20_000);
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Sends a request and reads the answer; of a stream that goes on for ever only the beginning. */
export async function send(url: string, { method, path, headers, body }: Sent): Promise<Answered> {
  return await new Promise((resolve, reject) => {
    const length: Record<string, number> = body === null ? {} : { 'content-length': body.length };
    const request = httpRequest(
      `${url}${path}`,
      { agent, method, headers: { ...headers, ...length } },
      (response) => {
        const status = response.statusCode!;
        const answered = (text: string): Answered => {
          const all = new Headers();
          for (const [name, value] of Object.entries(response.headers)) all.set(name, String(value));
          const isJson =
            /^application\/(?:[\w.-]+\+)?json\b/.test(all.get('content-type') ?? '') && text !== '';
          return { status, headers: all, text, body: isJson ? JSON.parse(text) : undefined };
        };
        if (/event-stream/.test(response.headers['content-type'] ?? '')) {
          resolve(answered(''));
          return void response.destroy();
        }
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          try {
            resolve(answered(Buffer.concat(chunks).toString()));
          } catch (error) {
            reject(error);
          }
        });
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body ?? undefined);
  });
}

/** Learns ids and cursors from an answer. */
export function learn(told: Told, path: string, { body }: Answered): void {
  if (typeof body !== 'object' || body === null) return;
  const { id, nextCursor, data } = body as { id?: unknown; nextCursor?: unknown; data?: unknown };
  const list = /^\/api\/([\w-]+)/.exec(path)?.[1] ?? 'any';
  const rows = Array.isArray(data) ? data.slice(0, 3) : [];
  for (const one of [id, ...rows.map((row: { id?: unknown } | null) => row?.id)]) {
    if (typeof one === 'string') keep((told.ids[list] ??= []), one, 30);
  }
  if (typeof nextCursor === 'string') keep(told.cursors, nextCursor, 60);
}

function keep(list: string[], text: string, most: number): void {
  if (list.includes(text)) return;
  list.push(text);
  if (list.length > most) list.shift();
}
