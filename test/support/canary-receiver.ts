import type http from 'node:http';
import { canary, canaryAt } from './canaries.ts';
import { startReceiver, type Received } from './receiver.ts';
import { tellingAnswers, type Told } from './telling-answers.ts';

/** As many bytes of an answer are kept. */
const kept = 4_096;
/** Where a canary is cut: behind what is looked for. */
const within = 11;

const told = ({ path, headers, body }: Received): Told => ({ url: path, headers, body });
const flat = (request: Received) => `${request.path}\n${JSON.stringify(request.headers)}\n${request.body}`;

/** What was sent from its first canary on, so that the bytes that are kept end within the canary. */
function cutAt(request: Received, text: (rest: string) => string): string {
  const all = flat(request);
  return 'x'.repeat(kept - within) + text(all.slice(Math.max(0, canaryAt(all))));
}

const cutting: Readonly<Record<string, (request: Received, response: http.ServerResponse) => void>> = {
  '400, kept to within a secret': (request, response) =>
    response.writeHead(400).end(cutAt(request, (rest) => rest)),
  '400, kept to within the base64 of a secret': (request, response) =>
    response.writeHead(400).end(cutAt(request, (rest) => Buffer.from(rest).toString('base64'))),
  '400, broken off within a secret': (request, response) => {
    const all = flat(request);
    response.writeHead(400, { 'content-length': all.length + 100 });
    response.write(all.slice(0, Math.max(0, canaryAt(all)) + within), () => response.destroy());
  },
  '200, broken off within a secret': (request, response) => {
    const all = flat(request);
    response.writeHead(200, { 'content-length': all.length + 100 });
    response.write(all.slice(0, Math.max(0, canaryAt(all)) + within), () => response.destroy());
  },
};

/** Names of all kinds of answers; an event's messageId ends in the index of the one that it gets. */
export const kinds = [...Object.keys(tellingAnswers), ...Object.keys(cutting)];

/** After these nothing is sent but one try at a time, so that the next try of the event is taken. */
const ofAll = new Set(['401 of JSON', '429 of JSON']);

/** A receiver that tells whoever sends what was sent, in each way that there is. */
export async function startCanaryReceiver() {
  const seen = new Map<string, number>();
  const answered = new Set<string>();
  let tokens = 0;
  const receiver = await startReceiver((request, response) => {
    const [, place = ''] = request.path.split(/[/?]/);
    if (request.path.endsWith('/token')) {
      if (++tokens % 3 === 0) return tell('400 of JSON', request, response);
      const body = JSON.stringify({ access_token: canary(), refresh_token: canary() });
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    }
    const [, id = 'none', index] = /((?:past|live)-(\d+))\b/.exec(request.body) ?? [];
    const key = `${place} ${id}`;
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    // What has no event is a test: each gets another kind.
    const kind = kinds[Number(index ?? before) % kinds.length]!;
    if (ofAll.has(kind) && before > 0) return tell('success', request, response);
    answered.add(`${place}: ${kind}`);
    tell(kind, request, response);
  });
  return { url: receiver.url.replace(/\/events$/, ''), requests: receiver.requests, answered };
}

function tell(kind: string, request: Received, response: http.ServerResponse): void {
  const telling = tellingAnswers[kind];
  if (telling === undefined) return cutting[kind]!(request, response);
  const { status, headers = {}, body } = telling(told(request));
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}
