import type { LoadFigures, LoadPlan } from './ingest-load.ts';
import type { Rig, Started } from './rig.ts';

let loads = 0;

/** Lets a client in a process of its own send to a server. */
export async function load(
  rig: Rig,
  { port }: Started,
  plan: Omit<LoadPlan, 'port' | 'prefix'>,
): Promise<LoadFigures> {
  const whole: LoadPlan = { ...plan, port, prefix: `load-${++loads}` };
  return (await rig.run('bench/ingest-load.ts', [JSON.stringify(whole)])) as LoadFigures;
}

/** Makes a source at the API. @returns its write key */
export async function newWriteKey(rig: Rig, { port }: Started): Promise<string> {
  const headers = {
    authorization: `Bearer ${rig.environment['REPRISE_ADMIN_TOKEN']}`,
    'content-type': 'application/json',
  };
  const body = JSON.stringify({ name: 'Load' });
  const answer = await fetch(`http://127.0.0.1:${port}/api/sources`, { method: 'POST', headers, body });
  return ((await answer.json()) as { writeKey: string }).writeKey;
}
