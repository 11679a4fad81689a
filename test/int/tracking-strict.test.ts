import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { archivedOf, basic, newKey, rejectedOf, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const good = '{"type":"track","event":"e","userId":"u"}';
const strict = { 'x-strict-mode': '1' };

async function ask(path: string, body: string, headers: Record<string, string> = {}) {
  const { sourceId, writeKey } = await newKey(db);
  const answer = await send(url + path, { headers: { authorization: basic(writeKey), ...headers }, body });
  return {
    status: answer.status,
    said: JSON.parse(answer.body) as Record<string, unknown>,
    archived: (await archivedOf(db, sourceId)).length,
    rejected: (await rejectedOf(db, sourceId)).map(({ code }) => code),
  };
}

const mixed = `{"batch":[${good},5,{"type":"track","userId":"u","messageId":"m-3"},${good.replace('"e"', '"f"')}]}`;

test('without it a bad event is kept apart, its neighbours are archived, and all is well', async () => {
  expect(await ask('/v1/batch', mixed)).toEqual({
    status: 200,
    said: { success: true },
    archived: 2,
    rejected: ['not_an_object', 'track_without_event'],
  });
  expect(await ask('/v1/batch', mixed, { 'x-strict-mode': '0' })).toMatchObject({ status: 200, archived: 2 });
});

test.each(['1', 'true', 'True'])(
  'X-Strict-Mode: %s names each event at fault and stores nothing',
  async (value) => {
    const answer = await ask('/v1/batch', mixed, { 'x-strict-mode': value });
    expect(answer).toEqual({
      status: 400,
      said: {
        code: 'events_invalid',
        message: expect.stringContaining('Nothing of it was stored'),
        errors: [
          {
            index: 1,
            code: 'not_an_object',
            message: expect.stringMatching(/not a JSON object\. Send each/),
          },
          {
            index: 2,
            code: 'track_without_event',
            message: expect.stringMatching(/no "event"\. Name what/),
            messageId: 'm-3',
          },
        ],
      },
      archived: 0,
      rejected: [],
    });
  },
);

test('a single call is the event 0, and a good request is taken as ever', async () => {
  const { status, said } = await ask('/v1/track', '{"userId":"u"}', strict);
  expect({ status, said }).toMatchObject({
    status: 400,
    said: { errors: [{ index: 0, code: 'track_without_event' }] },
  });
  expect(await ask('/v1/track', good, strict)).toMatchObject({ status: 200, archived: 1 });
  expect(await ask('/v1/batch', `{"batch":[${good}]}`, strict)).toMatchObject({ status: 200, archived: 1 });
});

test('a key that is none is 401 before anything else', async () => {
  const answer = await send(`${url}/v1/batch`, {
    headers: { authorization: basic('nobody'), ...strict },
    body: mixed,
  });
  expect(answer.status).toBe(401);
});
