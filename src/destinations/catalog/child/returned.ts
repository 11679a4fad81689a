import type { PackageAction, PackageDefinition } from '../package-definition.ts';
import { requestOf } from './fetch.ts';

type Perform = (...given: unknown[]) => unknown;

/**
 * The definition, throwing where one of its actions hands on an answer of failure: some ask for answers of every status
 * and do not look at them, which counts as success for a single event, and for a batch when there are several answers.
 */
export function withThrownFailures(definition: PackageDefinition): PackageDefinition {
  const actions = Object.entries(definition.actions).map(
    ([name, action]) => [name, throwing(action)] as const,
  );
  return { ...definition, actions: Object.fromEntries(actions) };
}

function throwing(action: PackageAction): PackageAction {
  const of = (name: 'perform' | 'performBatch'): Perform => {
    return async (...given) => {
      const returned = await (action[name] as Perform).apply(action, given);
      const failed = (Array.isArray(returned) ? returned : [returned]).find(isFailed);
      if (failed !== undefined) throw errorOf(failed);
      return returned;
    };
  };
  return {
    ...action,
    perform: of('perform'),
    ...(action.performBatch !== undefined && { performBatch: of('performBatch') }),
  };
}

interface Answered {
  readonly status: number;
  /** Absent: it is a copy, to which the definition has given a status of its own. */
  readonly ok?: boolean;
}

function isFailed(value: unknown): value is Answered {
  if (requestOf(value) === undefined) return false;
  const { status } = value as Answered;
  return typeof status === 'number' && status >= 400;
}

function errorOf(answer: Answered): Error {
  const error = new Error(`The answer was ${answer.status}.`);
  return Object.assign(error, answer.ok === undefined ? { status: answer.status } : { response: answer });
}
