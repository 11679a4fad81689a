import type { ItemRule } from '../item-rules.ts';
import type { ReplayProfile } from '../replay-profile.ts';
import type { ComputedProfile, ComputedRemoval } from './compute-profile.ts';
import { durationText } from './duration-text.ts';

/** What is explained: a profile that somebody wrote down, or none, and what the definition itself tells. */
export interface Explained {
  readonly title: string;
  readonly profile: ReplayProfile | null;
  readonly computed: ComputedProfile | null;
}

/**
 * What a replay can and cannot do at a destination, in plain words, the most important first. Every sentence comes from
 * a line of the profile or of the definition; what neither says is not said.
 */
export function explain({ title: name, profile, computed }: Explained): string[] {
  // What Segment adds to a name says nothing here.
  const title = name.replaceAll(/^Actions | \((?:Actions|Cloud|Cloud Destination)\)| Cloud Mode/gi, '');
  const sentences = [
    ...(profile === null ? [] : profileSentences(title, profile)),
    ...(computed === null ? [] : computedSentences(title, computed, profile)),
  ];
  if (profile === null) {
    sentences.push(
      'This was computed from the definition. What the service itself accepts is not written down here.',
    );
  }
  // An old value that overwrites a newer one may be told as an effect and as what becomes of profiles.
  return [...new Set(sentences)];
}

function profileSentences(title: string, profile: ReplayProfile): string[] {
  return [
    ...ageSentences(title, profile),
    ...dedupeSentences(profile),
    ...sizeSentences(profile),
    ...profile.sideEffects.map(({ value, confirmed }) =>
      doubted(`${value.text.replace(/\.$/, '')}${actionsText(value.actions)}.`, confirmed),
    ),
    ...stateSentences(profile),
    ...profile.overlays.map(({ value }) => overlaySentence(value)),
    ...confirmationSentences(title, profile),
    ...profile.remarks.map(({ value, confirmed }) => doubted(value, confirmed)),
  ];
}

function ageSentences(
  title: string,
  { maxAgeSeconds, anyAge, earliest, maxFutureSeconds, tooOld }: ReplayProfile,
): string[] {
  const sentences: string[] = [];
  if (maxAgeSeconds !== undefined) {
    const limit = `${title} takes events that are at most ${durationText(maxAgeSeconds.value)} old; a replay does not send older ones.`;
    sentences.push(doubted(limit, maxAgeSeconds.confirmed));
  }
  if (anyAge !== undefined) sentences.push(doubted('Events of any age can be sent.', anyAge.confirmed));
  if (earliest !== undefined) {
    sentences.push(
      doubted(
        `Nothing from before ${earliest.value.slice(0, 10)} is taken; a replay does not send it.`,
        earliest.confirmed,
      ),
    );
  }
  if (maxFutureSeconds !== undefined) {
    const most = durationText(maxFutureSeconds.value);
    sentences.push(
      doubted(
        `Times may lie at most ${most} in the future; a replay does not send later ones.`,
        maxFutureSeconds.confirmed,
      ),
    );
  }
  if (tooOld !== undefined && tooOld.value !== 'unknown') {
    sentences.push(doubted(tooOldTexts[tooOld.value], tooOld.confirmed));
  }
  return sentences;
}

const tooOldTexts = {
  refused: 'What is older would be refused.',
  fails_request: 'One event that is too old would fail the whole request.',
  dropped_silently: 'What is older would be dropped without a word.',
  dated_on_arrival: 'What is older would be dated on the day it arrives.',
} as const;

function dedupeSentences({ dedupe }: ReplayProfile): string[] {
  if (dedupe === undefined) return [];
  const { key, windowSeconds } = dedupe.value;
  const note = dedupe.note === undefined ? '' : ` ${dedupe.note}`;
  if (key === null) {
    return [
      doubted(
        `An event that is sent twice is there twice: nothing removes duplicates.${note}`,
        dedupe.confirmed,
      ),
    ];
  }
  const window = windowSeconds === undefined ? '' : ` for ${durationText(windowSeconds)}`;
  return [doubted(`An event that is sent again is known by ${key}${window}.${note}`, dedupe.confirmed)];
}

function sizeSentences({ eventBytes }: ReplayProfile): string[] {
  if (eventBytes === undefined) return [];
  const note = eventBytes.note === undefined ? '' : ` ${eventBytes.note}`;
  const text = `An event of more than ${eventBytes.value.toLocaleString('en')} bytes is not sent, neither by a replay nor by the stream: it becomes a dead letter.${note}`;
  return [doubted(text, eventBytes.confirmed)];
}

function stateSentences({ state }: ReplayProfile): string[] {
  if (state === undefined) return [];
  const remedy =
    'A replay with `profiles: "latest"` sends one identify call of each user, without what newer calls have set.';
  return [
    doubted(state.value, state.confirmed),
    ...(/identify|attributes|user properties/i.test(state.value) ? [remedy] : []),
  ];
}

function overlaySentence({
  kind,
  name,
  value,
  actions,
  olderThanSeconds,
  because,
}: ReplayProfile['overlays'][number]['value']): string {
  const when =
    olderThanSeconds === undefined ? '' : ` for events older than ${durationText(olderThanSeconds)}`;
  const unless = kind === 'feature' ? '' : ', unless another value was chosen';
  const what = kind === 'mapping' ? 'the field' : kind === 'batching' ? 'the batch field' : `the ${kind}`;
  return `A replay sets ${what} ${name} to ${JSON.stringify(value)}${when}${actionsText(actions)}${unless}. ${because}`;
}

function confirmationSentences(
  title: string,
  { confirmable, unconfirmed, partialFailure, itemErrors }: ReplayProfile,
): string[] {
  const sentences: string[] = [];
  if (confirmable?.value === false) {
    sentences.push(`${title} does not say whether it took an event: such deliveries count as unconfirmable.`);
  }
  for (const { value, confirmed } of unconfirmed) {
    const which = value.batches === true ? 'Deliveries in batches' : 'Such deliveries';
    const text = `${value.text.replace(/\.$/, '')}${actionsText(value.actions)}. ${which} count as unconfirmable.`;
    sentences.push(doubted(text, confirmed));
  }
  if (partialFailure?.value === 'whole_request') {
    sentences.push('One bad event fails its request: the request is divided until that event stands alone.');
  }
  if (itemErrors !== undefined) {
    const read = itemSentences(title, itemErrors.value);
    sentences.push(...read.map((sentence) => doubted(sentence, itemErrors.confirmed)));
  }
  return sentences;
}

function itemSentences(title: string, rules: readonly ItemRule[]): string[] {
  const has = (...kinds: readonly ItemRule['kind'][]) => rules.some(({ kind }) => kinds.includes(kind));
  const sentences: string[] = [];
  if (has('whole_request'))
    sentences.push(`An answer of success in which ${title} says that it failed counts as refused.`);
  if (has('failed_items', 'every_item', 'named_values', 'results'))
    sentences.push(
      `An answer in which ${title} takes some events of a request and refuses others is read: those that it refuses, and no others, count as refused.`,
    );
  if (has('untold'))
    sentences.push(
      `An answer of success in which ${title} tells of failures, and not of which events, makes a request doubtful: it is divided until each event has gone alone.`,
    );
  if (rules.some((rule) => 'of' in rule || 'required' in rule))
    sentences.push(
      `An answer of success that does not say what became of the events is none: they are sent again.`,
    );
  return sentences;
}

function computedSentences(
  title: string,
  { eventActions, batching, messages, deletions, deletionsByMapping }: ComputedProfile,
  profile: ReplayProfile | null,
): string[] {
  const named = (isMeant: (one: ComputedProfile['eventActions'][number]) => boolean) =>
    eventActions.filter(isMeant).map(({ action }) => action);
  const covered = new Set(profile?.sideEffects.flatMap(({ value }) => value.actions ?? []) ?? []);
  const told = (actions: readonly string[]) => actions.filter((action) => !covered.has(action));
  return [
    sentence(
      'By default the time of the event is sent',
      named(({ time }) => time === 'event'),
    ),
    sentence(
      'By default the time of arrival is sent, not that of the event',
      named(({ time }) => time === 'arrival'),
    ),
    sentence(
      'By default no time is sent, so an old event may be dated today',
      named(({ time }) => time === 'none'),
    ),
    sentence(
      'The messageId is not sent by default, so nothing can be known again by it',
      named(({ messageId }) => !messageId),
    ),
    sentence(
      `By their names these reach people, and a replay does not use them unless it says so`,
      told(messages),
    ),
    sentence(
      `By their names these take something away, and a replay does not use them unless it says so`,
      told(deletions),
    ),
    ...removalSentences(deletionsByMapping),
    batching.length === 0
      ? `${title} is sent one event a request.`
      : sentence('Several events can go into a request, where `enable_batching` is on', batching),
  ].filter((text) => text !== '');
}

/** One sentence for all actions that have such a field in common. */
function removalSentences(removals: readonly ComputedRemoval[]): string[] {
  const alike = Map.groupBy(removals, ({ field, values }) => {
    const all = values.map((value) => JSON.stringify(value)).join(' or ');
    return field === null ? `With the sync mode ${all}` : `With ${all} in the field ${field}`;
  });
  return [...alike].map(([what, ones]) =>
    sentence(
      `${what} these take something away, and a replay does not use them unless it says so`,
      ones.map(({ action }) => action),
    ),
  );
}

const sentence = (text: string, actions: readonly string[]) =>
  actions.length === 0 ? '' : `${text}: ${listed(actions)}.`;

const listed = (names: readonly string[]) =>
  names.length <= 6 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;

const actionsText = (actions: readonly string[] | undefined) =>
  actions === undefined ? '' : ` (${listed(actions)})`;

const doubted = (text: string, confirmed: boolean) => (confirmed ? text : `${text} (Not confirmed.)`);
