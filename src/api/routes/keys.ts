import { runningProcesses } from '../../db/processes.ts';
import { keyIdsOf } from '../../destinations/secrets.ts';
import type { ApiDeps } from '../deps.ts';
import { changeKey, keyUses, processesWithout } from '../key-change.ts';
import { problem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { KeyChangeAnswer, keyChangeExample, Keys, keysExample } from '../schemas/key.ts';

const tag = 'Secret key';
const role = 'admin';

/** How long one call works on; what is left is told. Milliseconds. */
const workMs = 20_000;

/** The key under which settings and kept answers are sealed, and its change. */
export function keyRoutes(deps: ApiDeps): Route[] {
  return [get(deps), rotate(deps)];
}

function get({ db, keyring }: ApiDeps): Route {
  return route(
    {
      operationId: 'getSecretKeys',
      method: 'get',
      path: '/api/keys',
      tag,
      role,
      summary: 'What is sealed with which secret key',
      description:
        'Settings of destinations and kept answers are sealed with `REPRISE_SECRET_KEY`. Keys are told apart by ids, from which nothing of the key can be read. A key that seals nothing any more can be taken out of `REPRISE_OTHER_SECRET_KEYS`.',
      answers: { 200: { description: 'The keys.', schema: Keys, example: keysExample } },
    },
    async () => {
      const uses = await keyUses(db);
      return { status: 200, body: { current: keyring.current, known: keyIdsOf(keyring), sealed: uses } };
    },
  );
}

function rotate({ db, keyring, stopping }: ApiDeps): Route {
  return route(
    {
      operationId: 'rotateSecretKey',
      method: 'post',
      path: '/api/keys/rotate',
      tag,
      role,
      summary: 'Seal everything with the current secret key',
      description:
        'Wraps what another key of this server has sealed with the current one, while everything runs: streams and replays go on, no content is decrypted. Every API process has to seal with that key, and every delivery process to know it (as `REPRISE_SECRET_KEY` or in `REPRISE_OTHER_SECRET_KEYS`); else the answer is 409 and names those that do not. Asked again, it goes on; when nothing is left it changes nothing.',
      answers: {
        200: {
          description: 'What was done, and what is left.',
          schema: KeyChangeAnswer,
          example: keyChangeExample,
        },
      },
      problems: ['key_not_everywhere'],
    },
    async () => {
      const without = processesWithout(await runningProcesses(db), keyring);
      if (without.length > 0) {
        const names = without.map((one) => `${one.role} ${one.pid} on ${one.host}`);
        const detail = `Not everybody has the key ${keyring.current} yet: ${names.join(', ')}. Start them again with it, then ask again; a process that has stopped without a word is forgotten after 15 seconds.`;
        return problem('key_not_everywhere', detail, { members: { processes: without.map(({ id }) => id) } });
      }
      const deadline = performance.now() + workMs;
      const change = await changeKey(db, keyring, () => performance.now() < deadline && !stopping.aborted);
      return { status: 200, body: { current: keyring.current, ...change, sealed: await keyUses(db) } };
    },
  );
}
