import { exits, Failure, type Exit } from '../failure.ts';
import { part, progressLine, summary } from '../replay-progress.ts';
import type { Session } from '../session.ts';
import type { Replay } from '../shapes.ts';
import { plain } from '../texts.ts';
import { watch } from '../watch.ts';

/** Where nothing is drawn over, a line is written for each tenth of the way, and in a silence of this length. */
const lineEveryMs = 10_000;

/**
 * Shows how a replay goes on until it has ended: a bar on a terminal, else a line now and then; with --json each state.
 * @throws Failure that carries the exit code of how it ended
 */
export async function watchReplay(session: Session, id: string): Promise<void> {
  const show = shower(session);
  const away = (why: string) =>
    session.out.say(`${plain(why)}; trying again. The replay does not wait for that.`);
  try {
    const path = `/api/replays/${id}/progress`;
    for await (const { state, ended } of watch<Replay>(session.api, path, session.over, away)) {
      show(state, ended);
      if (ended) end(session, state);
    }
  } catch (error) {
    session.out.erase();
    throw left(error, id);
  }
}

/** Who stops watching stops nothing, and is told so. */
function left(error: unknown, id: string): unknown {
  if (!(error instanceof Failure)) return error;
  if (error.exit !== exits.interrupted && error.exit !== exits.timeout) return error;
  const message = error.message === '' ? 'You have stopped watching.' : error.message;
  return new Failure(error.exit, `${message} The replay goes on.`, [
    `reprise replay watch ${id}    watches it again`,
    `reprise replay cancel ${id}   stops it`,
  ]);
}

function shower({ out }: Session): (replay: Replay, ended: boolean) => void {
  let told = { tenth: -1, at: -Infinity, stands: '' };
  return (replay, ended) => {
    if (out.json) return out.document(replay);
    const stands = `${replay.status} ${replay.statusReason ?? ''}`;
    const paused = replay.status === 'paused' && told.stands !== stands;
    if (out.live && !ended) {
      if (paused) out.say(pausedText(replay));
      told = { ...told, stands };
      return out.draw(progressLine(replay, out.liveWidth));
    }
    const tenth = Math.floor(part(replay) * 10);
    const isNews =
      stands !== told.stands || tenth !== told.tenth || performance.now() - told.at > lineEveryMs;
    if (ended || !isNews) return;
    out.say(progressLine(replay, 200, false));
    if (paused) out.say(pausedText(replay));
    told = { tenth, at: performance.now(), stands };
  };
}

function pausedText({ id, statusReason }: Replay): string {
  const why = statusReason === null ? '' : ` (${plain(statusReason)})`;
  return `The replay is paused${why}: \`reprise replay resume ${id}\` lets it go on.`;
}

function end({ out }: Session, replay: Replay): void {
  const exit = exitOf(replay);
  if (!out.json) {
    const mark = exit === exits.ok ? out.paint('green', '✓', 'stdout') : out.paint('red', '✗', 'stdout');
    out.data(`${mark} ${summary(replay)}`);
  }
  if (exit === exits.failedEvents) {
    out.say(
      `What failed, and why: reprise replay get ${replay.id}. Once it is mended: reprise replay retry-failed ${replay.id}`,
    );
  }
  if (exit !== exits.ok) throw new Failure(exit, '');
}

/** The exit code of how a replay ended. */
export function exitOf({ status, counts }: Pick<Replay, 'status' | 'counts'>): Exit {
  if (status === 'cancelled') return exits.cancelled;
  if (status === 'failed') return exits.error;
  return status === 'completed_with_failures' || counts.dead > 0 ? exits.failedEvents : exits.ok;
}
