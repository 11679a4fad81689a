import type { ReplayRange } from './replay-request.ts';
import type { Selection } from './selection.ts';

/**
 * The selection that a replay's request asks for; its range must be frozen. Position ends are not part of it, nor is
 * what a replay of failures takes up.
 */
export function selectionOfRequest(request: {
  readonly range: ReplayRange;
  readonly filter?: Omit<Selection, 'exclude'>;
  readonly exclude?: NonNullable<Selection['exclude']>;
}): Selection {
  const { range } = request;
  const from = range.by === 'position' ? undefined : range.from;
  const to = range.by === 'position' ? undefined : range.to;
  const [fromName, toName] =
    range.by === 'event'
      ? (['timestampFrom', 'timestampTo'] as const)
      : (['receivedFrom', 'receivedTo'] as const);
  return {
    ...request.filter,
    ...(request.exclude !== undefined && { exclude: request.exclude }),
    ...(from !== undefined && { [fromName]: from }),
    ...(to !== undefined && { [toName]: to }),
  };
}
