import type { RejectionCode } from '../../src/core/rejection.ts';
import { poisonNumbers, poisonTexts, poisonTimes } from './poison-values.ts';

/** An item of a batch that has broken somebody's pipeline, and what has to become of it. */
export interface PoisonItem {
  readonly name: string;
  readonly text: string;
  readonly fate: 'archived' | RejectionCode;
  /** Its times cannot be used, so it happened when it was received. */
  readonly untimed?: true;
}

let made = 0;
const newId = () => `poison-${++made}`;
/** A track event that is as it should be, but for `more`. */
const track = (more: string) => `{"type":"track","event":"e","userId":"u","messageId":"${newId()}"${more}}`;
const archived = (name: string, text: string): PoisonItem => ({ name, text, fate: 'archived' });
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const nestedObjects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** Exactly as many bytes as asked for, of characters of two bytes. */
function ofSize(bytes: number): string {
  const start = track(',"properties":{"t":"').slice(0, -1);
  const free = bytes - start.length - 3;
  return `${start}${'é'.repeat(Math.floor(free / 2))}${'x'.repeat(free % 2)}"}}`;
}

function ofTexts(): PoisonItem[] {
  return Object.entries(poisonTexts).map(([name, text]) =>
    archived(
      `${name} in names and values`,
      `{"type":"track","event":${text},"userId":${text},"anonymousId":${text},"messageId":${text},` +
        `"properties":{${text}:${text},"list":[${text}]},${text}:1,"context":{${text}:{}},"integrations":{${text}:${text}}}`,
    ),
  );
}

function ofNumbers(): PoisonItem[] {
  return poisonNumbers.map((number) =>
    archived(
      `the number ${number.slice(0, 30)}`,
      track(`,"anonymousId":${number},"properties":{"n":${number}},"integrations":{"A":${number}}`),
    ),
  );
}

function ofTimes(): PoisonItem[] {
  return poisonTimes.map((time) => ({
    name: `the time ${time.slice(0, 40)}`,
    text: track(`,"timestamp":${time},"originalTimestamp":${time},"sentAt":${time},"receivedAt":${time}`),
    fate: 'archived',
    untimed: true,
  }));
}

function ofShapes(): PoisonItem[] {
  const shapes: Readonly<Record<string, string>> = {
    'members named like the prototype':
      ',"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"properties":{"__proto__":null}',
    'a context from the prototype':
      ',"context":{"__proto__":{"ip":"1.1.1.1"}},"integrations":{"__proto__":{"All":false}}',
    'names of methods': ',"toString":1,"valueOf":1,"toJSON":1,"then":1,"length":-1,"hasOwnProperty":null',
    'empty names': ',"":"","properties":{"":{"":[]}}',
    'the same name many times': `,"properties":{${'"a":1,'.repeat(500)}"a":2}`,
    'ids that come twice': ',"messageId":"a","userId":"","userId":"twice"',
    'a name of 20 KB': `,"properties":{"${'n'.repeat(20_000)}":1}`,
    '2,500 names': `,"properties":{${Array.from({ length: 2_500 }, (_, n) => `"k${n}":1`).join(',')}}`,
    '15,000 elements': `,"properties":{"a":[${'1,'.repeat(14_999)}1]}`,
    '10 KB of whitespace': `,"properties":${' \n\r\t'.repeat(2_500)}{}`,
    '100 levels of arrays': `,"properties":${nested(99)}`,
    '100 levels of objects': `,"context":${nestedObjects(99)}`,
    '5,000 levels inside a string': `,"properties":{"a":"${'[{'.repeat(5_000)}"}`,
    'members of the server':
      ',"position":1,"bucket":-1,"live":false,"origin":"import","edits":[["type",0,1]]',
  };
  const kinds = ['null', '[]', '[null]', '"text"', '7', 'true', '{}'];
  return [
    ...Object.entries(shapes).map(([name, more]) => archived(name, track(more))),
    ...kinds.map((value) =>
      archived(
        `${value} where objects belong`,
        track(
          `,"properties":${value},"traits":${value},"context":${value},"integrations":${value},"_metadata":${value},"writeKey":${value}`,
        ),
      ),
    ),
    archived(
      'whitespace everywhere',
      track('')
        .replaceAll(/[{},:]/g, ' \t\r\n$& \n')
        .trim(),
    ),
    archived('exactly 32 KB', ofSize(32_768)),
    { name: '32 KB and a byte', text: ofSize(32_769), fate: 'event_too_large' },
    { name: '200 KB', text: ofSize(200_000), fate: 'event_too_large' },
    { name: '101 levels of arrays', text: track(`,"properties":${nested(100)}`), fate: 'event_too_deep' },
    {
      name: '101 levels of objects',
      text: track(`,"context":${nestedObjects(100)}`),
      fate: 'event_too_deep',
    },
    { name: '900 levels', text: track(`,"properties":${nested(899)}`), fate: 'event_too_deep' },
    { name: '900 levels of nothing', text: nested(900), fate: 'event_too_deep' },
  ];
}

function ofIds(): PoisonItem[] {
  const long = Array.from({ length: 2_705 }, (_, n) => String.fromCharCode(33 + ((n * 7_919) % 90)))
    .join('')
    .replaceAll(/["\\]/g, '~');
  const none = ['""', 'null', 'false', 'true', '{}', '[]', '["u"]', '{"id":"u"}'];
  const refused = (name: string, fate: RejectionCode, text: string): PoisonItem => ({ name, text, fate });
  return [
    archived(
      'a userId over the limit of an index',
      `{"type":"page","userId":"${long}","messageId":"${newId()}"}`,
    ),
    archived('a messageId over the limit of an index', `{"type":"page","userId":"u","messageId":"${long}"}`),
    archived(
      'a name over the limit of an index',
      `{"type":"track","event":"${long}","anonymousId":"${newId()}"}`,
    ),
    archived('a messageId of 30 KB', `{"type":"page","userId":"u","messageId":"${'m'.repeat(30_000)}"}`),
    archived('a user of 30 KB', `{"type":"page","anonymousId":"${'a'.repeat(30_000)}"}`),
    ...none.flatMap((id) => [
      archived(`${id} as messageId`, `{"type":"page","userId":"u","messageId":${id}}`),
      refused(
        `${id} as user`,
        'no_user',
        `{"type":"page","userId":${id},"anonymousId":${id},"messageId":"${newId()}"}`,
      ),
      refused(`${id} as event`, 'track_without_event', `{"type":"track","userId":"u","event":${id}}`),
      refused(
        `${id} as previousId`,
        'alias_without_previous_id',
        `{"type":"alias","userId":"u","previousId":${id}}`,
      ),
      refused(`${id} as groupId`, 'group_without_group_id', `{"type":"group","userId":"u","groupId":${id}}`),
    ]),
    refused('a number as event', 'track_without_event', '{"type":"track","userId":"u","event":7}'),
    refused('a user that is taken back', 'no_user', '{"type":"page","userId":"u","userId":null}'),
    refused('a type that is taken back', 'unknown_type', '{"type":"page","userId":"u","type":null}'),
  ];
}

function ofTypes(): PoisonItem[] {
  const types = ['"Track"', '"TRACK"', '" track"', '"track "', '""', 'null', '7', '["track"]', '{"track":1}'];
  const odd = [
    '"batch"',
    '"constructor"',
    '"__proto__"',
    String.raw`"track\u0000"`,
    '"tr\u0430ck"',
    '"track\u200b"',
  ];
  return [
    ...[...types, ...odd].map((type) => ({
      name: `the type ${type}`,
      text: `{"type":${type},"userId":"u","event":"e"}`,
      fate: 'unknown_type' as const,
    })),
    { name: 'no member', text: '{}', fate: 'unknown_type' },
    {
      name: 'a type only the prototype has',
      text: '{"__proto__":{"type":"page","userId":"u"}}',
      fate: 'unknown_type',
    },
    ...['7', '-0', '1e400', 'null', 'true', 'false', '"track"', '""', '[]', '[[]]', `[${track('')}]`].map(
      (text) => ({
        name: `${text.slice(0, 20)} instead of an event`,
        text,
        fate: 'not_an_object' as const,
      }),
    ),
  ];
}

/** Every class of items; each messageId stands for one of them. */
export const poisonItems: readonly PoisonItem[] = [
  ...ofTexts(),
  ...ofNumbers(),
  ...ofTimes(),
  ...ofShapes(),
  ...ofIds(),
  ...ofTypes(),
];
