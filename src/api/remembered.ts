/**
 * A look-up that remembers what it found for a while, nothing too, so that neither good nor bad callers cost a query
 * each. What has changed is seen at the latest when that while is over.
 * @param look its failure is not remembered
 * @param bounds for how long an answer is trusted, counted from the question, and how many are kept
 */
export function remembered<Found>(
  look: (key: string) => Promise<Found>,
  bounds: { readonly trustMs: number; readonly most: number },
): (key: string) => Promise<Found> {
  const kept = new Map<string, { readonly until: number; readonly found: Promise<Found> }>();
  return (key) => {
    const now = performance.now();
    const known = kept.get(key);
    if (known !== undefined && known.until > now) return known.found;
    const found = look(key);
    found.catch(() => kept.delete(key)); // trouble of ours says nothing about the key
    kept.delete(key);
    kept.set(key, { until: now + bounds.trustMs, found });
    for (const oldest of kept.keys()) {
      if (kept.size <= bounds.most) break;
      kept.delete(oldest);
    }
    return found;
  };
}
