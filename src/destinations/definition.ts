import type { z } from 'zod';
import type { ArchivedEvent } from '../core/event.ts';
import type { Outcome } from '../core/outcome.ts';
import type { TimeRule } from '../core/time-rule.ts';
import type { Audience } from '../core/audience.ts';
import type { EgressAllow } from './egress-address.ts';
import type { DeliveryPreview } from './preview.ts';
import type { Question, Told } from './question.ts';

/** One event through one action, as it is handed to a destination. */
export interface Delivery {
  /** Made by `deliveryName`; `deliveryId` makes its id of it. */
  readonly name: string;
  readonly event: ArchivedEvent;
  readonly actionId: string;
  /** The run asked for ids of its own, so that a destination that drops what it knows takes the event again. */
  readonly newId: boolean;
  /** Counts from 1. */
  readonly attempt: number;
  /** The replay that sends it, null for the stream. */
  readonly replayId: string | null;
  /** The replay's id, to be told in what is sent; null unless the replay asks for it. */
  readonly marker: string | null;
}

export interface SendGate {
  /** Asked at the moment a request is written to its socket; false: nothing may leave. */
  mayWrite(): boolean;
  /**
   * Asked before more is written of what has begun to leave; false: it ends there. Absent: as `mayWrite`, whose turn may
   * be over by then.
   */
  mayGoOn?(): boolean;
}

/** An open destination: its connections and what it needs to speak to one account. */
export interface Sender {
  /** At most this many deliveries go into one `send`. */
  readonly batchSize: number;
  /** How many `send` may run side by side. */
  readonly concurrency: number;
  /** Which events a replay sends, by their time; null or absent: all. */
  readonly takes?: TimeRule | null;
  /** Whether a success says that the events of an action were taken; absent: of all it does. */
  confirms?(actionId: string): boolean;
  /** Resolves with one outcome per delivery, in order. Never rejects, whatever the destination does. */
  send(deliveries: readonly Delivery[], gate: SendGate): Promise<Outcome[]>;
  /** Ends all connections; what is in flight fails, what is queued is not sent. */
  close(): Promise<void>;
}

/** OAuth tokens of an account. */
export interface Tokens {
  readonly accessToken: string;
  /** Absent: the one of before stays. */
  readonly refreshToken?: string;
}

export type Renewed =
  { readonly ok: true; readonly settings: unknown } | { readonly ok: false; readonly message: string };

/**
 * Renews the tokens of an account that were refused, one process at a time, and stores them.
 * @param stale the access token that was refused. @param refresh fetches new ones with settings, or says why not
 */
export type Renew = (
  stale: string,
  refresh: (settings: unknown) => Promise<Tokens | string>,
) => Promise<Renewed>;

/** What a destination is opened with beside its settings. */
export interface SenderContext {
  readonly egress: EgressAllow;
  /** Absent: tokens stay as they are. */
  readonly renew?: Renew;
}

/** An action in the version that a run works with. */
export interface RunAction {
  readonly actionId: string;
  /** The definition's name for what it does; null where the definition has one kind of action. */
  readonly action: string | null;
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** What a run opens a destination with. */
export interface RunContext extends SenderContext {
  readonly destinationId: string;
  readonly actions: readonly RunAction[];
  /** What is sent is of the past: the destination's replay profile counts. */
  readonly replay: boolean;
  /** Those that its events may name; absent: none. */
  readonly audiences?: readonly Audience[];
}

/** How a test event fared, in words for a person. */
export interface TestResult {
  /** null: there is nothing to test with, which is neither good nor bad. */
  readonly ok: boolean | null;
  readonly message: string;
  readonly status?: number;
  readonly latencyMs: number;
}

/** An action that a new destination begins with. */
export interface PresetAction {
  readonly name: string;
  /** The definition's name for what it does; null where the definition has one kind of action. */
  readonly action: string | null;
  /** FQL; null takes every event. */
  readonly trigger: string | null;
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** A setting that cannot be used: where it is, and a text that names the remedy. */
export interface SettingsProblem {
  readonly path: readonly PropertyKey[];
  readonly problem: string;
}

/** One entry of the catalog. Settings come in as stored; each method reads them through the schema. */
export interface DestinationDefinition {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  /** Strict; every field has in its metadata a `description`, and `secret: true` when its value is never shown. */
  readonly settings: z.ZodObject;
  /** Settings that a destination gets at creation when they are absent; they are shown to its creator once. */
  readonly generated: Readonly<Record<string, () => string>>;
  readonly presetActions: readonly PresetAction[];
  /** What the schema cannot know: whether the addresses in the settings may be dialled. */
  check(settings: unknown, allow: EgressAllow): readonly SettingsProblem[];
  open(settings: unknown, context: RunContext): Sender;
  /** Sends one test event. Never rejects, whatever the destination does. */
  test(settings: unknown, context: SenderContext): Promise<TestResult>;
  /** Has its own code answer. Never rejects, whatever that does. Absent: there is nothing to ask. */
  ask?(settings: unknown, context: SenderContext, question: Question): Promise<Told>;
  /** What would leave for each delivery if it were sent alone, in order; nothing is sent. Never rejects. */
  preview(
    settings: unknown,
    context: RunContext,
    deliveries: readonly Delivery[],
  ): Promise<DeliveryPreview[]>;
}

export type SettingsCheck =
  | { readonly ok: true; readonly settings: Record<string, unknown> }
  | { readonly ok: false; readonly problems: readonly SettingsProblem[] };

/** Reads settings as a person gave them, before they are sealed. @returns them complete, or all that is wrong. */
export function checkSettings(
  definition: DestinationDefinition,
  input: unknown,
  allow: EgressAllow,
): SettingsCheck {
  const parsed = definition.settings.safeParse(input);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => ({ path, problem: message }));
    return { ok: false, problems };
  }
  const problems = definition.check(parsed.data, allow);
  return problems.length === 0 ? { ok: true, settings: parsed.data } : { ok: false, problems };
}
