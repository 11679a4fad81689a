import { onUnawaited } from '../destinations/catalog/unawaited.ts';
import type { Logger } from '../log.ts';
import { definitionRejections } from '../metrics/delivery.ts';

/**
 * Counts rejections that no code of a definition awaited, and logs the first of each definition. Deliveries go on: they
 * say nothing of an event, but something that the definition began has failed, and nobody hears of it. @returns what ends
 * that
 */
export function watchRejections(log: Pick<Logger, 'warn'>): () => void {
  const logged = new Set<string>();
  return onUnawaited(({ definition: folder, count, error }) => {
    const definition = folder ?? 'none';
    definitionRejections.inc({ definition }, count);
    if (logged.has(definition)) return;
    logged.add(definition);
    log.warn({ definition, error }, 'code of the catalog rejected a promise that nobody awaited');
  });
}
