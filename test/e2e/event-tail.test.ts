import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandLine } from '../support/command-line.ts';
import { openScene } from '../support/scene.ts';

const scene = await openScene();
const token = readFileSync(join(scene.folder, 'data', 'admin-token'), 'utf8').trim();
const cli = commandLine(scene.product.apiUrl, token, scene.folder);

const linesOf = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { position: number; messageId: string });

async function archived(): Promise<{ position: number; messageId: string }[]> {
  return await scene.rows(
    `select position::float8 as position, message_id as "messageId" from event order by event.position`,
    [],
  );
}

test(
  'events flow to a destination: a tail shows each once in order, also over a killed API',
  { timeout: 240_000 },
  async () => {
    const destinationId = await scene.connect(await scene.newSink());
    const tail = cli.start(['event', 'tail', '--rate', '1000', '--json']);
    await tail.says(/Following from position 1 on/);
    const deliveries = cli.start([
      'event',
      'tail',
      '--deliveries',
      '--name',
      'nothing',
      '--destination',
      'sink',
    ]);
    await deliveries.says(/Following deliveries/);
    await scene.archive(200);
    await deliveries.says(/→ Sink, stream: \d+ delivered/);
    deliveries.child.kill('SIGINT');
    expect((await deliveries.ended).code).toBe(130);

    const api = scene.product.processes()['api']!;
    const sending = scene.archive(300);
    process.kill(api, 'SIGKILL');
    await tail.says(/trying again/);
    await sending;
    await scene.archive(100);
    const all = await archived();
    await tail.says(new RegExp(`"position":${all.at(-1)!.position},`));
    tail.child.kill('SIGINT');
    const { code, stdout } = await tail.ended;
    expect(code).toBe(130);
    expect(linesOf(stdout).map(({ position, messageId }) => ({ position, messageId }))).toEqual(all);

    const { messageId } = all[0]!;
    const shown = await cli.run(['event', 'get', messageId]);
    expect(shown.stdout).toMatch(/Sink · .*: delivered\n {2}the stream: delivered (at|between) /);
    const { body } = await scene.product.call('GET', `/api/events/${messageId}`);
    expect(body.deliveries).toMatchObject([
      { destinationId, status: 'delivered', runs: [{ kind: 'stream' }] },
    ]);
  },
);

test('what cannot be followed is refused at once', async () => {
  const strange = await cli.run(['event', 'tail', '--source', 'nobody']);
  expect(strange.code).toBe(3);
  const noToken = await cli.run(['event', 'tail', '--token', 'wrong']);
  expect(noToken.code).toBe(4);
});
