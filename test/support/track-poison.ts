import type { RejectionCode } from '../../src/core/rejection.ts';
import type { PoisonItem } from './poison-items.ts';
import { poisonNumbers, poisonTexts, poisonTimes } from './poison-values.ts';

/** An operation of the Track API that has broken somebody's pipeline, and what has to become of it. */
export interface PoisonOperation {
  readonly name: string;
  /** As v2 has it. */
  readonly item: string;
  /** The same as a body of `POST /api/v1/customers/u/events`; null: v1 has no such thing. */
  readonly body: string | null;
  readonly fate: 'archived' | RejectionCode;
  /** What has to stand in the archived event byte for byte. */
  readonly holds: string;
}

type Members = readonly (readonly [key: string, value: string])[];
const object = (members: Members) => `{${members.map(([key, value]) => `${key}:${value}`).join(',')}}`;
const head: Members = [
  ['"type"', '"person"'],
  ['"identifiers"', '{"id":"u"}'],
  ['"action"', '"event"'],
];

/** An event of the user `u`, with poison in its members. @param attributes a JSON text */
export function poisonEvent(
  name: string,
  attributes: string | null,
  fate: PoisonOperation['fate'],
  more: Members = [],
): PoisonOperation {
  const rest: Members = more.some(([key]) => key === '"name"') ? more : [['"name"', '"e"'], ...more];
  const said = (key: string): Members => (attributes === null ? [] : [[key, attributes]]);
  return {
    name,
    item: object([...head, ...rest, ...said('"attributes"')]),
    body: object([...rest, ...said('"data"')]),
    fate,
    holds: attributes === null || attributes === 'null' ? '"event":"e"' : `"properties":${attributes}`,
  };
}

const operation = (
  name: string,
  item: string,
  fate: PoisonOperation['fate'],
  holds = '',
): PoisonOperation => ({
  name,
  item,
  body: null,
  fate,
  holds,
});

/** How many levels of objects and arrays a value has. */
function levelsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(levelsOf));
}

/** What becomes of an event with these attributes: they have to be an object, and to fit. */
export function fateOf(attributes: string): PoisonOperation['fate'] {
  const value: unknown = JSON.parse(attributes);
  if (Buffer.byteLength(poisonEvent('', attributes, 'archived').item) > 32_768) return 'event_too_large';
  if (1 + levelsOf(value) > 100) return 'event_too_deep';
  const fits = typeof value === 'object' && !Array.isArray(value);
  return fits ? 'archived' : 'operation_incomplete';
}

function ofTexts(): PoisonOperation[] {
  return Object.entries(poisonTexts).flatMap(([name, text]) => [
    poisonEvent(`${name} in names and values`, `{${text}:${text},"list":[${text}]}`, 'archived', [
      ['"name"', text],
      ['"id"', text],
      ['"anonymous_id"', text],
      ['"timestamp"', text],
      [text, '1'],
    ]),
    operation(
      `${name} as who it is`,
      `{"type":"person","action":"identify","identifiers":{"id":${text}},"attributes":{${text}:${text}}}`,
      'archived',
      `"traits":{${text}:${text}}`,
    ),
    operation(
      `${name} as a device`,
      `{"type":"person","action":"add_device","identifiers":{"cio_id":${text}},"device":{"token":${text},"platform":${text}}}`,
      'archived',
      `"device":{"token":${text},"platform":${text},"type":${text}}`,
    ),
    operation(
      `${name} as a thing and its owner`,
      `{"type":"object","action":"identify","identifiers":{"object_type_id":${text},"object_id":${text}},"cio_relationships":[{"identifiers":{"email":${text}},"relationship_attributes":{${text}:${text}}}]}`,
      'archived',
      `"groupId":${text},"traits":{"objectTypeId":${text},"relationshipAttributes":{${text}:${text}}}`,
    ),
    operation(
      `${name} as the types of operations`,
      `{"type":${text},"action":${text},"identifiers":{"id":${text}}}`,
      'unknown_operation',
    ),
  ]);
}

function ofNumbers(): PoisonOperation[] {
  return poisonNumbers.map((number) =>
    poisonEvent(`the number ${number.slice(0, 30)}`, `{"n":${number}}`, 'archived', [
      ['"anonymous_id"', number],
      ['"timestamp"', number],
      ['"more"', number],
    ]),
  );
}

function ofTimes(): PoisonOperation[] {
  return poisonTimes.map((time) =>
    poisonEvent(`the time ${time.slice(0, 40)}`, '{}', 'archived', [['"timestamp"', time]]),
  );
}

/** Values that stand where something else belongs, some of which no `String()` takes. */
const wrong = [
  'null',
  'true',
  '7',
  '""',
  '[]',
  '{}',
  '[["person"]]',
  '{"toString":1,"valueOf":1}',
  '[{"toString":null,"valueOf":null}]',
  '{"__proto__":null}',
  '{"toJSON":1,"then":{},"length":-1}',
];

function ofShapes(): PoisonOperation[] {
  const identify = '"type":"person","action":"identify"';
  return wrong.flatMap((value) => [
    operation(`${value} as a type`, `{"type":${value},"action":"identify"}`, 'unknown_operation'),
    operation(`${value} as an action`, `{"type":"person","action":${value}}`, 'unknown_operation'),
    operation(`${value} as a person`, `{${identify},"identifiers":${value}}`, 'operation_incomplete'),
    operation(
      `${value} as a name`,
      `{"type":"person","action":"screen","identifiers":{"id":1},"name":${value}}`,
      'operation_incomplete',
    ),
    operation(
      `${value} as relationships`,
      `{"type":"person","action":"add_relationships","identifiers":{"id":1},"cio_relationships":${value}}`,
      'operation_incomplete',
    ),
    operation(
      `${value} as somebody else`,
      `{"type":"person","action":"merge","primary":{"id":1},"secondary":${value}}`,
      'operation_incomplete',
    ),
    operation(
      `${value} as a message`,
      `{"type":"delivery","action":"event","name":"opened","identifiers":${value}}`,
      'operation_incomplete',
    ),
    operation(
      `${value} where it says nothing`,
      `{${identify},"identifiers":{"id":1},"cio_relationships":${value},"device":null,"timestamp":${value},"id":${value}}`,
      'archived',
      '"type":"identify"',
    ),
  ]);
}

function ofAmplifiers(): PoisonOperation[] {
  const long = (key: string) => `{"${key}":"${'x'.repeat(20_000)}"}`;
  const many = (key: string) =>
    `[${`{"identifiers":{"${key}":1}},`.repeat(380)}{"identifiers":{"${key}":1}}]`;
  return [
    operation(
      'a long id and many relationships',
      `{"type":"person","action":"add_relationships","identifiers":${long('id')},"cio_relationships":${many('object_id')}}`,
      'event_too_large',
    ),
    operation(
      'a long object and many people',
      `{"type":"object","action":"identify","identifiers":${long('object_id')},"cio_relationships":${many('id')}}`,
      'event_too_large',
    ),
    operation(
      'as many relationships as fit',
      `{"type":"object","action":"add_relationships","identifiers":{"object_id":1},"cio_relationships":${many('id')}}`,
      'archived',
      '"groupId":1',
    ),
  ];
}

/** Every class of operations. @param items whose texts become the attributes of events */
export function poisonOperations(items: readonly PoisonItem[]): readonly PoisonOperation[] {
  return [
    ...items.map(({ name, text }) => poisonEvent(`as attributes: ${name}`, text, fateOf(text))),
    ...ofTexts(),
    ...ofNumbers(),
    ...ofTimes(),
    ...ofShapes(),
    ...ofAmplifiers(),
  ];
}
