import type { Unawaited } from './protocol.ts';

type Listener = (unawaited: Unawaited) => void;

const listeners = new Set<Listener>();

/** Is told of rejections in this process' children that no code of a definition awaited. @returns what ends that */
export function onUnawaited(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Tells whoever listens. */
export function tellUnawaited(unawaited: Unawaited): void {
  for (const listener of listeners) listener(unawaited);
}
