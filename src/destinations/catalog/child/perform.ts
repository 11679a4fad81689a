import { isAbsolute } from 'node:path';
import type { PackageDefinition } from '../package-definition.ts';
import type {
  Account,
  EventWork,
  JobAction,
  ItemResult,
  JobError,
  JobResult,
  OAuth,
  Work,
} from '../protocol.ts';
import { answerTo, type AnsweringDestination } from './answer.ts';
import { requestOf } from './fetch.ts';
import { withHostTold } from './host-of-events.ts';
import { withoutLarge } from './large-events.ts';
import { mended } from './mended.ts';
import { noStats } from './no-stats.ts';
import { importOwn } from './own-module.ts';
import { withThrownFailures } from './returned.ts';
import { audienceOf, withAudience } from './with-audience.ts';
import { telling, type Mapped } from './telling.ts';
import { require } from './seal.ts';

/** The part of the catalog's framework that is used here. */
interface Framework {
  readonly Destination: new (definition: unknown) => LoadedDestination;
  readonly transform: (mapping: object, event: unknown) => unknown;
  readonly MultiStatusResponse: new () => { getAllResponses(): readonly { value(): unknown }[] };
}

interface LoadedDestination extends AnsweringDestination {
  /** The framework adds each answer with its request and never takes one away; nothing reads them. */
  readonly responses: unknown[];
  testAuthentication(settings: object): Promise<void>;
  refreshAccessToken(
    settings: object,
    oauth: object,
  ): Promise<{ readonly accessToken?: unknown; readonly refreshToken?: unknown } | undefined>;
  executeAction(action: string, input: object): Promise<unknown>;
  executeBatch(action: string, input: object): Promise<readonly unknown[]>;
}

/** Who looks on while a job runs. */
export interface Watch {
  /** Is told what the mapping made, as JSON; null: nobody wants to know. */
  readonly mapped: Mapped | null;
  /** A call of the definition begins. @returns where its last request went; null: it made none */
  follow(): () => string | null;
}

/** Work with events, and what it is done with. */
interface Call {
  readonly destination: LoadedDestination;
  readonly account: Account;
  readonly work: EventWork;
  readonly watch: Watch;
}

const loaded = new Map<string, LoadedDestination>();
const textLength = 1_000;

/** A definition, loaded on first use. @throws what its module throws */
async function destinationOf(folder: string): Promise<LoadedDestination> {
  const known = loaded.get(folder);
  if (known !== undefined) return known;
  const { Destination } = require('@segment/actions-core') as Framework;
  const destination = new Destination(await definitionIn(folder));
  loaded.set(folder, destination);
  return destination;
}

/** A definition that tells what it is run with. It is made for one job, as it tells of that one. */
async function tellingDestination(folder: string, mapped: Mapped): Promise<LoadedDestination> {
  const { Destination } = require('@segment/actions-core') as Framework;
  return new Destination(telling(await definitionIn(folder), mapped));
}

async function definitionIn(folder: string): Promise<PackageDefinition> {
  const module = isAbsolute(folder) ? await importOwn(folder) : fromPackage(folder);
  return withThrownFailures(renamed(mended(folder, module.default as PackageDefinition)));
}

/**
 * The framework's validator (ajv) keeps the schema of an action under `{name}:{title}` and reads that as a URI, whose
 * scheme may have no spaces: with a name as "Google Analytics 4" each event would fail. Nothing else reads the name.
 */
const renamed = (definition: PackageDefinition) => ({
  ...definition,
  name: `destination-${definition.slug}`,
});

const fromPackage = (folder: string) =>
  require(`@segment/action-destinations/dist/destinations/${folder}`) as { default: unknown };

/**
 * Runs the definition's code for one job. Triggers are not asked: who makes the job has decided. Never rejects, whatever
 * the code throws.
 */
export async function perform(account: Account, work: Work, watch: Watch): Promise<JobResult> {
  const { mapped } = watch;
  try {
    const { folder } = account;
    const destination =
      mapped === null ? await destinationOf(folder) : await tellingDestination(folder, mapped);
    return await performed(destination, account, work, watch);
  } catch (error) {
    return { kind: 'error', error: told(error) };
  }
}

async function performed(
  destination: LoadedDestination,
  account: Account,
  work: Work,
  watch: Watch,
): Promise<JobResult> {
  destination.responses.length = 0; // else a child would grow with each event until it ends
  const { settings, auth } = account;
  if (work.kind === 'test') {
    await destination.testAuthentication({ ...settings, oauth: tokensOf(auth) });
    return { kind: 'ok' };
  }
  if (work.kind === 'refresh')
    return await refreshed(destination, { ...settings, oauth: tokensOf(auth) }, work.oauth);
  if (work.kind === 'question') return await answerTo(destination, account, work.question);
  const { mapping, eventBytes, audiences = [] } = work.action;
  const texts = work.kind === 'one' ? [work.event] : work.events;
  const events = texts.map((event) => withAudience(JSON.parse(event), audiences));
  const run = (some: readonly unknown[]) => sent({ destination, account, work, watch }, some);
  if (eventBytes === undefined) return await run(events);
  const { transform } = require('@segment/actions-core') as Framework;
  const mapped = (event: unknown) => transform(mapping, event);
  return await withoutLarge(events, { limit: eventBytes, transform: mapped }, run);
}

/** @param events those of the work, or some of them */
async function sent(call: Call, events: readonly unknown[]): Promise<JobResult> {
  const { work } = call;
  if (work.kind === 'one') return await one(call, events[0]);
  const groups = alikeBy(work.keys, work.action, events);
  if (groups.length === 1) return await batch(call, events);
  const results: { places: readonly number[]; result: JobResult }[] = [];
  for (const places of groups) {
    const some = places.map((place) => events[place]);
    results.push({ places, result: await batch(call, some) });
  }
  return { kind: 'groups', groups: results };
}

/** As the framework has them in settings. */
const tokensOf = (auth: Account['auth']) => ({
  access_token: auth?.accessToken,
  refresh_token: auth?.refreshToken,
});

async function refreshed(destination: LoadedDestination, settings: object, oauth: OAuth): Promise<JobResult> {
  const tokens = await destination.refreshAccessToken(settings, oauth);
  const { accessToken, refreshToken } = tokens ?? {};
  if (typeof accessToken !== 'string' || accessToken === '') {
    return {
      kind: 'error',
      error: { name: 'NoToken', message: 'The vendor answered without an access token.' },
    };
  }
  return { kind: 'tokens', accessToken, ...(typeof refreshToken === 'string' && { refreshToken }) };
}

function inputOf({ account: { settings, auth, features }, work }: Call) {
  const { mapping } = work.action;
  return { mapping, settings, auth: auth ?? {}, features: features ?? {}, statsContext: noStats() };
}

async function one(call: Call, event: unknown): Promise<JobResult> {
  const { destination, work, watch } = call;
  const lastUrl = watch.follow();
  try {
    const results = await destination.executeAction(work.action.type, { ...inputOf(call), event });
    const answers = answersIn(results);
    return answers === null ? { kind: 'ok' } : { kind: 'each', items: [itemOf(answers[0])] };
  } catch (error) {
    return failed(call, [event], error, lastUrl());
  }
}

async function batch(call: Call, events: readonly unknown[]): Promise<JobResult> {
  const { destination, work, watch } = call;
  const lastUrl = watch.follow();
  try {
    const answers = await destination.executeBatch(work.action.type, { ...inputOf(call), events });
    return { kind: 'each', items: events.map((_, index) => itemOf(answers[index])) };
  } catch (error) {
    return failed(call, events, error, lastUrl());
  }
}

/** @param url of the last request of the call: if there is one, the mapping has gone well */
function failed(
  { account, work }: Call,
  events: readonly unknown[],
  thrown: unknown,
  url: string | null,
): JobResult {
  const { mapping } = work.action;
  const { transform } = require('@segment/actions-core') as Framework;
  const payloads = () => events.map((event) => transform(mapping, event));
  const run = { payloads, settings: account.settings, mapping };
  return { kind: 'error', error: withHostTold(told(thrown), url, run) };
}

/** The places of events that one call may take, because the mapping makes the same of them for these fields. */
function alikeBy(
  keys: readonly string[],
  { mapping, audiences }: JobAction,
  events: readonly unknown[],
): readonly (readonly number[])[] {
  const all = events.map((_, place) => place);
  const parts = keys.filter((key) => typeof mapping[key] === 'object' && mapping[key] !== null);
  if (parts.length === 0 && audiences === undefined) return [all];
  const { transform } = require('@segment/actions-core') as Framework;
  const shared = Object.fromEntries(parts.map((key) => [key, mapping[key]]));
  const keyOf = (place: number) => {
    const apart = audiences === undefined ? [] : audienceOf(events[place]);
    return JSON.stringify([transform(shared, events[place]), ...apart]);
  };
  return [...Map.groupBy(all, keyOf).values()];
}

/** What a call for one event says of it in the way of a batch, where nothing is thrown; null: it says nothing so. */
function answersIn(results: unknown): readonly unknown[] | null {
  const last = Array.isArray(results)
    ? (results.at(-1) as { readonly data?: unknown } | undefined)
    : undefined;
  const { data } = last ?? {};
  const { MultiStatusResponse } = require('@segment/actions-core') as Framework;
  if (!(data instanceof MultiStatusResponse)) return null;
  return data.getAllResponses().map((response) => response.value());
}

function itemOf(answer: unknown): ItemResult {
  const { status, errortype, errormessage } = (answer ?? {}) as Record<string, unknown>;
  return {
    status: typeof status === 'number' ? status : 500,
    ...(typeof errortype === 'string' && { code: errortype }),
    ...(errormessage !== undefined && { message: cut(errormessage) }),
  };
}

/** An error of the catalog or of its framework; anything can be thrown. */
function told(thrown: unknown): JobError {
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as Record<string, unknown>;
  const response = error['response'] as { status?: unknown } | undefined;
  const status = Number(error['status'] ?? response?.status);
  const request = error['request'] ?? requestOf(response);
  return {
    name: cut(error['name'] ?? 'Error'),
    message: cut(error['message'] ?? thrown),
    ...(error['code'] !== undefined && { code: cut(error['code']) }),
    ...(Number.isInteger(status) && { status }),
    ...(typeof request === 'number' ? { request } : requestIn(response)),
  };
}

function requestIn(response: unknown): { request?: number } {
  const request = requestOf(response);
  return request === undefined ? {} : { request };
}

function cut(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.slice(0, textLength);
}
