import type { ReplayProfile } from '../replay-profile.ts';
import type { ComputedProfile } from './compute-profile.ts';
import type { DescribedDefinition } from './document.ts';

/** How much a replay can be trusted with there. See `readinessOf`. */
export const readinesses = ['ready', 'limited', 'careful'] as const;
export type Readiness = (typeof readinesses)[number];

/** Kinds of side effects that a profile warns of. */
const warnings: ReadonlySet<string> = new Set(['messages', 'automations', 'deletions']);

/**
 * `careful`: some action can reach people or take something away, by its name, its mapping or what the profile says, or
 * the profile says that events set things off.
 * `ready`: what it begins with (or could begin with) keeps the event's time and messageId, and the profile knows no
 * limit of age below a year. All else is `limited`.
 */
export function readinessOf(
  { presets }: Pick<DescribedDefinition, 'presets'>,
  computed: ComputedProfile | null,
  profile: ReplayProfile | null,
): Readiness {
  const { eventActions = [], messages = [], deletions = [], deletionsByMapping = [] } = computed ?? {};
  const warned = profile?.sideEffects.some(({ value }) => warnings.has(value.kind));
  const dangers = messages.length + deletions.length + deletionsByMapping.length;
  if (warned === true || dangers > 0) return 'careful';
  const yearSeconds = 31_536_000;
  const reachesBack = (profile?.maxAgeSeconds?.value ?? yearSeconds) >= yearSeconds;
  const used = eventActions.filter(({ action }) => presets.some((preset) => preset.action === action));
  const relevant = used.length > 0 ? used : eventActions;
  const faithful =
    computed === null ||
    (relevant.length > 0 && relevant.every(({ time, messageId }) => time === 'event' && messageId));
  return reachesBack && faithful ? 'ready' : 'limited';
}
