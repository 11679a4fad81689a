import { z } from 'zod';
import { httpSettings, HttpUrl } from './http-settings.ts';
import { urlSecrets } from './url-secrets.ts';

/** The settings of a Segment-compatible HTTP API. */
export const SegmentSettings = z.strictObject({
  endpoint: HttpUrl.meta({
    description:
      'Base address of the tracking API, with or without `/v1` or `/v1/batch`: https://api.segment.io, https://cdp.customer.io, a RudderStack data plane, another Reprise.',
    example: 'https://cdp.customer.io',
  }),
  writeKey: z
    .string()
    .min(1, 'A write key is needed; the receiver shows it for the source that is to take the events.')
    .max(500)
    .regex(/^[\x21-\x7e]*$/, 'A write key is printable ASCII without spaces.')
    .refine((key) => !key.includes(':'), 'A write key has no colon.')
    .meta({ description: 'Write key of the source there that takes the events.', secret: true }),
  batchSize: z.number().int().min(1).max(2_500).default(100).meta({
    description: 'Most events of a request; a request has at most 500 KB, whatever this says.',
  }),
  gzip: z.boolean().default(false).meta({ description: 'Compress requests. The receiver has to take that.' }),
  ...httpSettings,
});
export type SegmentSettings = z.infer<typeof SegmentSettings>;

/** The address that batches go to. */
export function batchUrl({ endpoint }: Pick<SegmentSettings, 'endpoint'>): URL {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, '').replace(/\/v1(\/batch)?$/, '')}/v1/batch`;
  return url;
}

/** What proves to the receiver who sends. */
export function authorizationOf({ writeKey }: Pick<SegmentSettings, 'writeKey'>): string {
  return `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`;
}

/** Every value in the settings that no text may show. */
export function segmentSecrets(settings: SegmentSettings): readonly string[] {
  const proofs = [settings.writeKey, ...authorizationOf(settings).split(' ').slice(1)];
  return [...proofs, ...urlSecrets(settings.endpoint)].filter((value) => value !== '');
}
