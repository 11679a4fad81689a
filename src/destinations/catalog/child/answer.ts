import type { AudienceQuestion, FieldQuestion, HookQuestion, Question } from '../../question.ts';
import type { Account, JobResult } from '../protocol.ts';
import { noStats } from './no-stats.ts';

type Ask = (request: unknown, data: object) => unknown;

interface LoadedAction {
  readonly definition: {
    readonly hooks?: Readonly<
      Record<string, { readonly inputFields?: Readonly<Record<string, { readonly dynamic?: unknown }>> }>
    >;
  };
  executeHook(hook: string, data: object): Promise<unknown>;
  executeDynamicField(field: string, data: object, own?: Ask): Promise<unknown>;
}

/** The part of the framework's destination that answers. */
export interface AnsweringDestination {
  readonly actions: Readonly<Record<string, LoadedAction>>;
  createAudience(input: object): Promise<unknown>;
  getAudience(input: object): Promise<unknown>;
  /** Fetches new tokens where they are refused, and keeps them nowhere. */
  handleError: (error: unknown) => unknown;
}

/** Characters of an answer: enough for thousands of choices. */
const longestAnswer = 2_000_000;

/** Has a definition answer, in the framework's own way. @throws what the definition throws */
export async function answerTo(
  destination: AnsweringDestination,
  account: Account,
  question: Question,
): Promise<JobResult> {
  const value = await (question.kind === 'audience'
    ? audience(destination, account, question)
    : ofAction(destination, account, question));
  const json = JSON.stringify(value) ?? 'null';
  if (json.length > longestAnswer) throw new Error('The definition answers more than can be shown.');
  return { kind: 'told', json };
}

async function audience(
  destination: AnsweringDestination,
  { settings, auth, features }: Account,
  { key, computationId, name, settings: audienceSettings, externalId }: AudienceQuestion,
) {
  destination.handleError = (error) => {
    throw error;
  };
  const oauth = { access_token: auth?.accessToken, refresh_token: auth?.refreshToken };
  const data = {
    settings: { ...settings, oauth },
    audienceSettings,
    features: features ?? {},
    statsContext: noStats(),
  };
  if (externalId !== null) return await destination.getAudience({ ...data, externalId });
  const personas = {
    computation_key: key,
    computation_id: computationId ?? key,
    computation_class: 'audience',
    namespace: 'reprise',
  };
  return await destination.createAudience({ ...data, audienceName: name, personas });
}

async function ofAction(
  destination: AnsweringDestination,
  { settings, auth, features }: Account,
  question: FieldQuestion | HookQuestion,
): Promise<unknown> {
  const action = destination.actions[question.action];
  if (action === undefined) throw new Error(`The definition has no action ${question.action}.`);
  const data = {
    settings,
    auth: auth ?? {},
    features: features ?? {},
    statsContext: noStats(),
    audienceSettings: {},
  };
  return await (question.kind === 'hook' ? saved(action, data, question) : choices(action, data, question));
}

async function saved(action: LoadedAction, data: object, { hook, inputs, outputs }: HookQuestion) {
  return await action.executeHook(hook, { ...data, payload: {}, hookInputs: inputs, hookOutputs: outputs });
}

async function choices(action: LoadedAction, data: object, question: FieldQuestion) {
  const { field, hook, payload, page, query } = question;
  const paged = { ...data, ...(page !== undefined && { page }) };
  if (hook === null) return await action.executeDynamicField(field, { ...paged, payload });
  const own = action.definition.hooks?.[hook]?.inputFields?.[field]?.dynamic;
  if (typeof own !== 'function') throw new Error(`The hook ${hook} has no choices for ${field}.`);
  // Only with a function that is given does the framework leave what it is called with as it is.
  const asked = { ...paged, payload: {}, hookInputs: payload, dynamicFieldContext: { query } };
  return await action.executeDynamicField(field, asked, own as Ask);
}
