import type { Answer, Recorded } from '../internet.ts';

type Body = Readonly<Record<string, unknown>>;
const listOf = (body: Body, name: string) => (body[name] ?? []) as readonly unknown[];

/** As services answer that have taken a request and say so of each of its items; an empty object is no answer of theirs. */
const telling: readonly (readonly [url: RegExp, told: (body: Body) => unknown])[] = [
  [/dfareporting\/.*\/conversions\//, (body) => ({ status: listOf(body, 'conversions').map(() => ({})) })],
  [
    /:upload(ClickConversions|CallConversions|ConversionAdjustments)$/,
    (body) => ({
      results: [...listOf(body, 'conversions'), ...listOf(body, 'conversionAdjustments')].map(() => ({
        conversionAction: 'an-action',
      })),
    }),
  ],
  [
    /linkedin\.com\/rest\/(conversionEvents|dmpSegments\/[^/]+\/users)$/,
    (body) => ({ elements: listOf(body, 'elements').map(() => ({ status: 201 })) }),
  ],
  [/api\.emarsys\.net/, () => ({ replyCode: 0, replyText: 'OK' })],
  [/business-api\.tiktok\.com/, () => ({ code: 0, message: 'OK' })],
  [
    /api\.pinterest\.com\/.*\/events$/,
    (body) => ({ events: listOf(body, 'data').map(() => ({ status: 'processed' })) }),
  ],
  [/amplitude\.com\/.*\/cohorts\/membership$/, () => ({ memberships_result: [{ skipped_ids: [] }] })],
  // A message of protocol buffers without any member.
  [/cm\.g\.doubleclick\.net\/upload/, () => ''],
  [
    /displayvideo\.googleapis\.com\/.*:editCustomerMatchMembers$/,
    () => ({ firstPartyAndPartnerAudienceId: '123' }),
  ],
  [/salesforce\.com\/.*\/jobs\/ingest/, () => ({ id: 'a-job' })],
  [
    /a\.klaviyo\.com\/api\/profiles\/$/,
    ({ data }) => (data === undefined ? { data: [] } : { data: { id: 'a-profile' } }),
  ],
  [
    /\/(bulk|rest)\/v1\/(leads|lists)/,
    () => ({ success: true, result: [{ id: 1, email: 'ada@example.com' }] }),
  ],
  [/pendo\.io\/.*\/visitor$/, () => ({ multistatus: [] })],
  [/content\.twilio\.com\//, () => ({ types: { 'twilio/text': { body: 'Hello' } } })],
  [/recombee\.com\/.*\/batch\//, (body) => listOf(body, 'requests').map(() => ({ code: 200, json: 'ok' }))],
  [
    /api\.hubapi\.com\/.*\/batch\/(upsert|update|create)$/,
    (body) => ({
      results: listOf(body, 'inputs').map((_, index) => ({ id: String(index), properties: {} })),
    }),
  ],
];

/** A success as the service asked tells it. */
export function successOf({ url, body }: Recorded): Answer {
  const [, told] = telling.find(([pattern]) => pattern.test(url.split('?')[0]!)) ?? [];
  return { status: 200, body: told === undefined ? '{}' : textOf(told(bodyOf(body))) };
}

const textOf = (told: unknown) => (typeof told === 'string' ? told : JSON.stringify(told));

function bodyOf(body: Buffer): Body {
  try {
    return JSON.parse(body.toString()) as Body;
  } catch {
    return {};
  }
}
