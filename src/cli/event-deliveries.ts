import { untouchedReasons } from '../core/delivery-standing.ts';
import type { EventCompletion, EventDelivery } from './shapes.ts';
import { count, moment, plain } from './texts.ts';

/** How each action stands with an event, in words: a line for it, and one for each run that had it in its hands. */
export function deliveryLines(deliveries: readonly EventDelivery[]): string[] {
  if (deliveries.length === 0) return ['No destination is connected.'];
  return deliveries.flatMap((delivery) => {
    const { destinationName, actionName, status, reason, gone, runs, runsOmitted } = delivery;
    const why = reason === null ? '' : `: ${untouchedReasons[reason]}`;
    const head = `${plain(destinationName)} · ${plain(actionName)}${gone ? ' (deleted)' : ''}: ${status}${why}`;
    const omitted = runsOmitted > 0 ? [`  and ${count(runsOmitted)} more runs`] : [];
    return [head, ...runs.map((run) => `  ${runText(run)}`), ...omitted];
  });
}

function runText(run: EventDelivery['runs'][number]): string {
  const by = run.replayId === null ? 'the stream' : `replay ${run.replayId}`;
  const former = run.toFormerAccount ? ', to an account that is gone' : '';
  return `${by}: ${endText(run)}${former}`;
}

function endText(run: EventDelivery['runs'][number]): string {
  const { status, from, to, attempts, nextRetryAt, failure, deadLetterId } = run;
  const between = from === to ? `at ${moment(to)}` : `between ${moment(from)} and ${moment(to)}`;
  const failed =
    failure === null
      ? ''
      : ` after ${count(attempts ?? 0)} failed ${attempts === 1 ? 'try' : 'tries'} (${plain(failure.errorClass)}: ${plain(failure.message)})`;
  switch (status) {
    case 'delivered':
      return `delivered ${between}`;
    case 'alreadyDelivered':
      return `had it already; looked at ${between}`;
    case 'dead':
      return `given up on ${between}${failed}, dead letter ${deadLetterId}`;
    case 'waiting':
      return nextRetryAt === null
        ? `waits behind an earlier event of its user${failed}`
        : `waits${failed}, next try at ${moment(nextRetryAt)}`;
  }
}

/** What Reprise has supplied, in words: `timestamp (clock_skew), messageId (absent)`. */
export function suppliedText(supplied: readonly EventCompletion[]): string | null {
  if (supplied.length === 0) return null;
  return supplied
    .map(({ field, reason, members }) => {
      const which = members.length === 0 ? '' : `: ${members.map(plain).join(', ')}`;
      return `${plain(field)} (${reason}${which})`;
    })
    .join(', ');
}
