import type { Outcome } from '../../../src/core/outcome.ts';
import type { Hostility } from '../hostile-answers.ts';

/** What a batch is answered with, and what becomes of it at `segment`. */
export interface PartBody {
  readonly name: string;
  readonly status: number;
  readonly body: unknown;
  readonly segment: Outcome['kind'];
}

const part = (name: string, status: number, body: unknown, segment: Outcome['kind']): PartBody => ({
  name: `in parts, ${name}`,
  status,
  body,
  segment,
});

const many = Array.from({ length: 50_000 }, (_, index) => ({ index, batch_index: index, status: '400' }));
/** Errors of the items at these places, as several services name them. */
const errorsAt = (...places: readonly number[]) => ({
  errors: places.map((index) => ({ index, batch_index: index })),
});
const taken = { status: 200, index: 0, batch_index: 0 };

/** Batches that are answered item by item, and not as they were sent. */
export const partBodies: readonly PartBody[] = [
  part('none of them', 207, { status: 207, items: [], responses: [] }, 'failed'),
  part('too many of them', 207, errorsAt(0, 1), 'failed'),
  part('out of order', 207, errorsAt(5, 0), 'failed'),
  part('twice, taken and refused', 207, { items: [taken, taken], ...errorsAt(0) }, 'refused'),
  part('success beside an error', 200, { success: true, ...errorsAt(0) }, 'refused'),
  part('malformed', 207, { errors: [null, 7, 'x', [], { index: {} }], items: 'x', status: [[]] }, 'failed'),
  part('of events not sent', 207, { errors: [{ index: -1, batch_index: 99 }] }, 'failed'),
  part(
    'with statuses as texts',
    207,
    { errors: [{ index: '0', batch_index: '0', status: '400' }] },
    'failed',
  ),
  part('a list as an object', 200, { errors: { 0: { status: 400 } } }, 'failed'),
  part('a huge list', 207, { errors: many, items: many }, 'failed'),
  part('broken off by itself', 207, '{"errors":[{"index":0,"batch_index":0', 'failed'),
];

/** The same as a server gives them. */
export const parts: readonly Hostility[] = partBodies.map(({ name, status, body, segment }) => ({
  name,
  answer: (socket) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const head = `HTTP/1.1 ${status} Parts\r\ncontent-type: application/json\r\n`;
    socket.write(`${head}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  },
  outcome: { kind: 'delivered' },
  segment,
}));
