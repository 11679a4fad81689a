import type { Admin } from './admin.ts';
import { runClient } from './client.ts';
import { startForwarder } from './forwarder.ts';
import type { Scenario } from './scenarios.ts';

/** Runs one scenario with a source of its own. @returns what is wrong; null when nothing is */
export async function runScenario(
  scenario: Scenario,
  { admin, url, client }: { readonly admin: Admin; readonly url: string; readonly client: string },
): Promise<string | null> {
  const source = await admin.newSource();
  const forwarder = await startForwarder(url, scenario.trouble ?? 'none');
  try {
    const output = await runClient(client, {
      writeKey: scenario.keyUnknown === true ? `unknown_${source.id}` : source.writeKey,
      apiHost: forwarder.url,
      sequences: scenario.sequences,
      config: { flushAt: scenario.flushAt ?? 15, flushInterval: 200, maxRetries: 3, timeout: 15 },
    });
    return scenario.judge(await admin.archivedOf(source.id), output);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await forwarder.close();
  }
}
