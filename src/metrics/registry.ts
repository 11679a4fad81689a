import { Registry } from 'prom-client';

/** What this process counts. A metric belongs to it from the moment at which its module is loaded. */
export const registry = new Registry();

/** Seconds of what is done in milliseconds, and still told apart when it is slow. */
export const secondsBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The type of what `exposition` gives. Source: prometheus.io, exposition formats, text-based format. */
export const contentType = registry.contentType;

const refreshers = new Set<() => Promise<void>>();
const others = new Set<() => Promise<string>>();

/** Has something brought up to date before each scrape. It must not throw. @returns what ends that */
export function onScrape(refresh: () => Promise<void>): () => void {
  refreshers.add(refresh);
  return () => void refreshers.delete(refresh);
}

/** Adds what somebody else counts in this process, in the same format. It must not throw. @returns what ends that */
export function alsoExpose(text: () => Promise<string>): () => void {
  others.add(text);
  return () => void others.delete(text);
}

/** All metrics of this process as Prometheus reads them. */
export async function exposition(): Promise<string> {
  await Promise.all([...refreshers].map((refresh) => refresh()));
  const texts = await Promise.all([registry.metrics(), ...[...others].map((text) => text())]);
  return texts.join('');
}
