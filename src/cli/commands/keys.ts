import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import type { KeyChange, SecretKeys } from '../shapes.ts';
import { table } from '../table.ts';
import { count, plain } from '../texts.ts';

/** The key that settings are sealed with, and its change (docs/secret-key.md). */
export const keysCommands: Register = (parent, on) => {
  const keys = parent
    .command('keys')
    .description('the secret key that settings of destinations are sealed with');
  withExamples(keys.command('list').description('show what is sealed with which key').action(on(list)), [
    'reprise keys list',
    'A key that seals nothing can be taken out of REPRISE_OTHER_SECRET_KEYS',
  ]);
  withExamples(
    keys
      .command('rotate')
      .description('seal everything with the current key, while streams and replays go on')
      .action(on(rotate)),
    ['reprise keys rotate', 'After all processes were started with the new key'],
  );
};

async function list({ api, out }: Session): Promise<void> {
  const keys = await api.json<SecretKeys>('/api/keys');
  if (out.json) return out.document(keys);
  out.data(shown(keys, out.width));
}

/** The API works on for a bounded time and says what is left, so it is asked until nothing is. */
async function rotate({ api, out }: Session): Promise<void> {
  let rewrapped = 0;
  let change: KeyChange;
  do {
    change = await api.json<KeyChange>('/api/keys/rotate', { method: 'POST' });
    rewrapped += change.rewrapped;
    out.draw(`${count(rewrapped)} sealed anew`);
  } while (!change.complete);
  if (out.json) out.document({ ...change, rewrapped });
  else {
    out.data(`${count(rewrapped)} sealed anew with ${change.current}.`);
    const known = await api.json<SecretKeys>('/api/keys');
    out.data(shown(known, out.width));
  }
  const [first] = change.unreadable;
  if (first === undefined) return;
  const lines = change.unreadable.map(
    ({ kind, row, detail }) => `${kind} ${row.map(plain).join(' ')}: ${detail}`,
  );
  throw new Failure(exits.error, `${count(lines.length)} could not be opened, and stay as they are:`, lines);
}

function shown({ current, known, sealed }: SecretKeys, width: number): string {
  const ids = [...new Set([...known, ...sealed.map(({ keyId }) => keyId)])];
  const rows = ids.map((id) => {
    const use = sealed.find(({ keyId }) => keyId === id);
    const what = id === current ? 'current' : known.includes(id) ? 'known' : 'not known here';
    const of = (number: number | undefined) => count(number ?? 0);
    return [id, what, of(use?.destinations), of(use?.notifications), of(use?.keptAnswers)];
  });
  return table(['key', 'is', 'destinations', 'notifications', 'kept answers'], rows, width);
}
