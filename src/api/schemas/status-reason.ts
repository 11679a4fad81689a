/** Why a replay may stand as it does, and what a person can do; a kind of failure may follow behind a colon. */
const statusReasons = {
  retrying: 'Only events are left that wait for their next try (`nextRetryAt`). Nothing to do.',
  waits_for_replay:
    'It is planned: it begins by itself when the replay of its destination that runs now has ended. Cancel it if it is not to.',
  scheduled:
    'It is planned, and begins by itself at its time (`startsAt`). PATCH its `schedule` to begin it sooner or later.',
  before_start:
    'It was paused before it began. Resumed, it begins at its time (`startsAt`), or at once if that has passed; else it can be cancelled.',
  outside_window:
    'No window of its schedule is open: it sends nothing, and goes on by itself when one opens (`opensAt`). PATCH its `schedule` to send at other hours; null sends at all.',
  taking_up:
    'It marks the dead letters that it takes up (`counts.selected` says how many by now), and sends them when all are marked. Nothing to do.',
  waiting_for_worker: 'No worker has taken it up. See that one runs.',
  throttled:
    'The destination asked to slow down; it goes on by itself. Lower `pace` if it comes again and again.',
  destination_down: 'The destination cannot be reached or fails; it is probed, nothing is given up.',
  destination_refuses:
    'The destination refuses one event after another. Mend its settings, or the destination, then resume. Who resumes has seen the failure: what is refused in that way from then on becomes a dead letter, and no longer holds or pauses the replay.',
  unauthorized:
    'The destination does not take the credentials. Give it new ones (PATCH its settings), then resume.',
  error_rate:
    'Half of what it sent of late was given up on, so it paused. Look at the dead letters (`deadByClass`); resume if that is as good as it gets.',
  repeated_error:
    'The same failure came too often, so it paused. Look at the dead letters of its class; mend what they name, then resume: this failure then no longer holds or pauses the replay.',
  side_effects:
    'An action that it would use reaches people or takes something away, and `allowSideEffects` does not name it: its mapping has changed since the replay was asked for. Nothing of it is sent. Resume to send all the same, or cancel.',
  canary: 'The first events are sent; look at how they fared. Resume to approve them, or cancel.',
  canary_failed:
    'The first events did not go well. Look at the dead letters; resume to go on all the same, or cancel and start a new replay.',
  destination_disabled:
    'The destination answered that it wants no more events. Enable it again (PATCH `{"enabled": true}`), then resume.',
  destination_deleted: 'Its destination was deleted.',
  workflow_terminated:
    'Somebody terminated its workflow in Temporal. A new replay sends what is missing still.',
} as const;

/** What the reference says about `statusReason`. */
export const statusReasonText = `Why it stands as it does, null when there is nothing to say. A kind of failure may follow behind a colon, as in \`destination_down: http_500\`.

${Object.entries(statusReasons)
  .map(([reason, text]) => `- \`${reason}\`: ${text}`)
  .join('\n')}`;
