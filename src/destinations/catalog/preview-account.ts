import type { Delivery } from '../definition.ts';
import { previewedRequest, shownPayload, type DeliveryPreview, type PreviewProblem } from '../preview.ts';
import { secretMask } from '../secret-mask.ts';
import { callOf, type SendingAccount } from './account-sender.ts';
import { CatalogChild } from './child-process.ts';
import type { JobEnd } from './job-run.ts';
import { PreviewRun } from './preview-run.ts';
import type { JobResult } from './protocol.ts';

/** A mapping or a definition that takes longer for one event is ended. */
const deliveryMs = 10_000;
/** After so long what is left of a preview is not run, so that its answer comes. */
const previewMs = 25_000;
/** A child has its memory: previews of one process take turns, and no more than these wait. */
const mostWaiting = 4;

let waiting = 0;
let turn: Promise<unknown> = Promise.resolve();

/**
 * What a definition's own code would send for each delivery, in order. It runs in a child that is the preview's alone, so
 * neither deliveries nor the API wait for code that does not end. Nothing is sent. Never rejects.
 */
export async function previewAccount(
  account: SendingAccount,
  deliveries: readonly Delivery[],
): Promise<DeliveryPreview[]> {
  if (waiting >= mostWaiting) return deliveries.map(() => notRun('Other previews are under way.'));
  waiting += 1;
  const previews = turn.then(() => previewInTurn(account, deliveries)).finally(() => (waiting -= 1));
  turn = previews.catch(() => undefined);
  return await previews;
}

async function previewInTurn(
  account: SendingAccount,
  deliveries: readonly Delivery[],
): Promise<DeliveryPreview[]> {
  const endAt = performance.now() + previewMs;
  let child = new CatalogChild();
  const previews: DeliveryPreview[] = [];
  try {
    for (const delivery of deliveries) {
      if (child.over) child = new CatalogChild();
      const isLate = performance.now() > endAt;
      previews.push(
        isLate ? notRun('The events before it took too long.') : await previewOne(child, account, delivery),
      );
    }
  } finally {
    child.close();
  }
  return previews;
}

async function previewOne(
  child: CatalogChild,
  account: SendingAccount,
  delivery: Delivery,
): Promise<DeliveryPreview> {
  const action = account.actions.find(({ actionId }) => actionId === delivery.actionId)!;
  if (action.unable !== undefined) {
    const problem = { code: 'refused_by_definition', message: action.unable } as const;
    return { payload: null, requests: [], connections: [], complete: false, problem };
  }
  const call = callOf(account.account, action, delivery);
  const run = new PreviewRun(call.account, call.work, account.dials !== undefined);
  let isLate = false;
  const deadline = setTimeout(() => {
    isLate = true;
    child.close();
  }, deliveryMs);
  const end = await child.perform(run);
  clearTimeout(deadline);
  const mask = secretMask(account.secrets);
  const requests = run.captured.map(({ url, request }) =>
    previewedRequest(url, request, { egress: account.egress, mask }),
  );
  const found = isLate ? overdue : problemOf(end, run);
  const problem = found === null ? null : { ...found, message: mask.text(found.message, true) };
  const complete = problem === null && requests.length <= 1;
  const connections = [...run.wanted].map((address) => mask.text(address, false));
  return { payload: payloadOf(run, mask), requests, connections, complete, problem };
}

function payloadOf({ payload }: PreviewRun, mask: ReturnType<typeof secretMask>): unknown {
  if (payload === null) return null;
  const shown = shownPayload(payload, mask);
  return Array.isArray(shown) && shown.length === 1 ? shown[0] : shown;
}

interface Problem {
  readonly code: PreviewProblem;
  readonly message: string;
}

const overdue: Problem = {
  code: 'definition_overdue',
  message: 'The mapping, or the code of the definition, did not come to an end in time.',
};

const ownConnection: Problem = {
  code: 'own_connection',
  message:
    'Its code opens connections of its own. A preview opens none, so neither what would leave over them nor whether more would be opened can be shown; the payload is what it would be made of.',
};

function problemOf(end: JobEnd, run: PreviewRun): Problem | null {
  if (end.kind === 'overdue') return overdue;
  if (end.kind === 'exited') {
    const message = `The process that ran the mapping and the definition's code ended: ${end.why}.`;
    return { code: 'definition_crashed', message };
  }
  if (run.wanted.size > 0) return ownConnection;
  const message = messageOf(end.result);
  if (message === null) return null;
  if (run.captured.length > 0) return { code: 'made_up_answer', message };
  return { code: run.payload === null ? 'unmappable' : 'refused_by_definition', message };
}

/** What the definition, or the check of what the mapping made, has against the event; null: nothing. */
function messageOf(result: JobResult): string | null {
  if (result.kind === 'error') return result.error.message;
  if (result.kind !== 'each') return null;
  const item = result.items[0];
  return item === undefined || item.status < 400
    ? null
    : (item.message ?? item.code ?? `Status ${item.status}`);
}

function notRun(why: string): DeliveryPreview {
  const message = `${why} Ask for it again.`;
  return {
    payload: null,
    requests: [],
    connections: [],
    complete: false,
    problem: { code: 'not_run', message },
  };
}
