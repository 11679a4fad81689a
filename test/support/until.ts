import { setTimeout as delay } from 'node:timers/promises';

/**
 * Reads again and again until what is read is as wanted, and gives that back.
 * @throws with the last reading when it is not so in time
 */
export async function until<Reading>(
  what: string,
  read: () => Reading | Promise<Reading>,
  isSo: (reading: Reading) => boolean,
  options: { readonly deadlineMs?: number; readonly everyMs?: number } = {},
): Promise<Reading> {
  const { deadlineMs = 60_000, everyMs = 50 } = options;
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const reading = await read();
    if (isSo(reading)) return reading;
    if (performance.now() > deadline) {
      throw new Error(
        `not within ${deadlineMs / 1000} s: ${what}; last ${JSON.stringify(reading)?.slice(0, 2_000)}`,
      );
    }
    await delay(everyMs);
  }
}
