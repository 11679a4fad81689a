import { z } from 'zod';
import { readFql } from '../../core/fql/read.ts';
import type {
  DestinationDefinition,
  RunAction,
  RunContext,
  SenderContext,
  SettingsProblem,
} from '../definition.ts';
import type { EgressAllow } from '../egress-address.ts';
import type { Audience } from '../../core/audience.ts';
import { checkUrl } from '../egress-url.ts';
import { urlSecrets } from '../url-secrets.ts';
import { askAccount } from './ask-account.ts';
import { AccountSender, type SendingAccount, type SendingAction } from './account-sender.ts';
import type { CallContext } from './account-call.ts';
import type { Renewal } from './account-tokens.ts';
import { environmentSecrets } from './child-process.ts';
import { batchSizeOf } from './batching-fields.ts';
import { checkCatalogSettings, defaultsOf } from './check-settings.ts';
import { dialProblems, dialRuleOf, withoutAddresses } from './dial-rules.ts';
import type { CatalogDocument, CatalogPreset } from './document.ts';
import { missingHook } from './needed-hooks.ts';
import type { Account, OAuth } from './protocol.ts';
import { previewAccount } from './preview-account.ts';
import { confirms, overlaid, overlaysOf, timeRuleOf, withoutChosen } from './replay-rules.ts';
import { testAccount } from './test-account.ts';

/** A definition of the package as a destination type: made of its description, its code is run by a child. */
export function packageDestination(document: CatalogDocument): DestinationDefinition {
  const { type, title, description, presets } = document;
  return {
    type,
    title,
    description,
    settings: z.looseObject({}),
    generated: {},
    presetActions: presets.filter(isUsable),
    check: (settings, allow) => [
      ...checkCatalogSettings(document, settings),
      ...addressProblems(settings, allow, []),
      ...dialProblems(document, settings as Settings, allow),
    ],
    open: (settings, context) => openAccount(document, settings as Settings, context),
    test: (settings, context) =>
      testAccount(document, accountOf(document, settings as Settings), callOf(document, settings, context)),
    ask: (settings, context, question) =>
      askAccount(accountOf(document, settings as Settings), question, callOf(document, settings, context)),
    preview: (settings, context, deliveries) =>
      previewAccount(sendingAccount(document, settings as Settings, context), deliveries),
  };
}

/** Some of the package's own suggestions fail for every event, or have a trigger that nobody can read: not applied. */
function isUsable({ trigger, faults }: CatalogPreset): boolean {
  return faults === undefined && (trigger === null || readFql(trigger).ok);
}

type Settings = Readonly<Record<string, unknown>>;

function openAccount(document: CatalogDocument, settings: Settings, context: RunContext): AccountSender {
  return new AccountSender(sendingAccount(document, settings, context));
}

function sendingAccount(document: CatalogDocument, settings: Settings, context: RunContext): SendingAccount {
  const { profile } = document.replay;
  const account = accountOf(document, settings);
  const { audiences = [] } = context;
  const dials = dialRuleOf(document, context.egress);
  return {
    id: context.destinationId,
    account,
    actions: context.actions.map((action) =>
      sendingAction(document, action, { settings: context.replay ? account.settings : null, audiences }),
    ),
    takes: context.replay ? timeRuleOf(profile) : null,
    itemErrors: profile?.itemErrors?.value ?? null,
    egress: context.egress,
    secrets: secretsOf(document, settings),
    ...(dials && { dials }),
    ...renewalOf(document, context),
  };
}

function callOf(document: CatalogDocument, settings: unknown, context: SenderContext): CallContext {
  const { egress } = context;
  const dials = dialRuleOf(document, egress);
  const secrets = secretsOf(document, settings);
  return { egress, secrets, ...(dials && { dials }), ...renewalOf(document, context) };
}

/** Tokens are renewed where the definition can fetch new ones, and whoever opens it can keep them. */
function renewalOf(document: CatalogDocument, { renew }: SenderContext): { renewal?: Renewal } {
  if (renew === undefined || !document.authentication.refreshes) return {};
  const read = (settings: unknown) => ({
    account: accountOf(document, settings as Settings),
    oauth: ((settings as Settings)['oauth'] ?? {}) as OAuth,
    secrets: secretsOf(document, settings),
  });
  return { renewal: { renew, read } };
}

/** What the definition's code is given: its own settings as they are, tokens apart. */
function accountOf(document: CatalogDocument, { oauth, ...given }: Settings): Account {
  const { accessToken, refreshToken } = (oauth ?? {}) as Record<string, string | undefined>;
  return {
    folder: document.folder!, // only types of our own have none
    settings: { ...defaultsOf(document.settings), ...given },
    auth: {
      ...(accessToken !== undefined && { accessToken }),
      ...(refreshToken !== undefined && { refreshToken }),
    },
  };
}

/** @param settings of the account, for a replay; null: it is for a stream */
function sendingAction(
  document: CatalogDocument,
  { actionId, action, mapping }: RunAction,
  { settings, audiences }: { readonly settings: Settings | null; readonly audiences: readonly Audience[] },
): SendingAction {
  const known = document.actions.find(({ name }) => name === action);
  if (known === undefined || action === null) throw new Error(`${document.type} has no action ${action}`);
  const { batch } = known;
  const unable = missingHook(document.type, action, mapping);
  const ours = known.fields.filter((field) => field.ours === true).map(({ name }) => name);
  const fields = { mapping: known.fields, settings: document.settings };
  const overlays =
    settings === null
      ? []
      : withoutChosen(overlaysOf(document.replay.profile, action), { mapping, settings }, fields);
  const always = overlays.filter(({ olderThanMs }) => olderThanMs === 0);
  const limits = document.replay.profile?.batch?.value ?? {};
  const eventBytes = document.replay.profile?.eventBytes?.value;
  const asked = batch === null ? 1 : batchSizeOf(batch, overlaid(mapping, always, 'mapping'));
  const size = Math.min(asked, limits.events ?? asked);
  return {
    actionId,
    type: action,
    mapping: Object.fromEntries(Object.entries(mapping).filter(([name]) => !ours.includes(name))),
    batchSize: size,
    confirms: confirms(document.replay.profile, action, size > 1),
    batchBytes: least(batch?.maximumBytes ?? null, limits.bytes ?? null),
    overlays: overlays.filter(({ kind, name }) => kind !== 'mapping' || !ours.includes(name)),
    ...(eventBytes !== undefined && { eventBytes }),
    ...(document.audience !== null && { audiences }),
    ...(unable !== null && { unable }),
    batchKeys: batch?.keys ?? [],
  };
}

const least = (one: number | null, other: number | null) =>
  one === null || other === null ? (one ?? other) : Math.min(one, other);

const secretsOf = (document: CatalogDocument, settings: unknown) => [
  ...secretsIn(withoutAddresses(document, settings as Settings)),
  ...environmentSecrets(),
];

/**
 * Everything that somebody typed may be a credential, an address also in parts, as it is sent and told without the others;
 * only what is an address without a path is none.
 */
function secretsIn(settings: unknown): string[] {
  if (typeof settings === 'string') {
    const url = URL.parse(settings);
    const isOrigin = url !== null && url.pathname === '/' && url.search === '' && url.username === '';
    return isOrigin ? [] : [settings, ...urlSecrets(settings)];
  }
  return typeof settings === 'object' && settings !== null ? Object.values(settings).flatMap(secretsIn) : [];
}

/** Settings that are URLs and may not be dialled. Names without a scheme are checked when they are dialled. */
function addressProblems(
  value: unknown,
  allow: EgressAllow,
  path: readonly PropertyKey[],
): readonly SettingsProblem[] {
  if (typeof value === 'string') {
    if (!/^https?:/i.test(value)) return [];
    const check = checkUrl(value, allow);
    return check.ok ? [] : [{ path, problem: check.problem }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => addressProblems(member, allow, [...path, name]));
}
