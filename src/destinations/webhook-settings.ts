import { z } from 'zod';
import { httpSettings, HttpUrl } from './http-settings.ts';
import { urlSecrets } from './url-secrets.ts';
import { webhookSecretProblem } from './webhook-signature.ts';

/** Headers that the webhook sets itself, or that HTTP gives a meaning of their own. */
const taken =
  /^(webhook-.*|x-reprise-.*|host|content-length|content-type|transfer-encoding|connection|keep-alive|expect|upgrade|te|trailer|proxy-.*|user-agent)$/i;

const HeaderName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'A header name has only letters, digits and a few marks.')
  .refine((name) => !taken.test(name), 'This header is set by Reprise or by HTTP itself; leave it out.');
const HeaderValue = z
  .string()
  .max(4_096)
  .regex(/^[\t\x20-\x7e]*$/, 'A header value is printable ASCII.');

/** The settings of a webhook. A stored one always has a secret: creation generates what is absent. */
export const WebhookSettings = z.strictObject({
  url: HttpUrl.meta({
    description: 'Where events are POSTed to, https or http.',
    example: 'https://example.com/events',
  }),
  secret: z
    .string()
    .superRefine((secret, context) => {
      const problem = webhookSecretProblem(secret);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    })
    .optional()
    .meta({
      description:
        'Signs each request by Standard Webhooks: whsec_ and 24 to 64 bytes in base64. Generated when absent. During a rotation several, the new one first, between spaces.',
      secret: true,
    }),
  headers: z
    .record(HeaderName, HeaderValue)
    .refine((headers) => Object.keys(headers).length <= 32, 'At most 32 headers.')
    .default({})
    .meta({ description: 'Headers to send with each request, for example an API key.', secret: true }),
  batchSize: z.number().int().min(1).max(1_000).default(1).meta({
    description: 'Events per request. 1 sends each event as a JSON object, more send a JSON array.',
  }),
  ...httpSettings,
});
export type WebhookSettings = z.infer<typeof WebhookSettings>;

/** Every value in the settings that no text may show, in each form that a receiver may send it back. */
export function webhookSecrets(settings: WebhookSettings): readonly string[] {
  const headers = Object.values(settings.headers).flatMap((value) => [value, ...value.split(' ')]);
  const secrets = (settings.secret ?? '').split(' ').flatMap((secret) => [secret, secret.slice(6)]);
  return [...headers, ...secrets, ...urlSecrets(settings.url)].filter((value) => value !== '');
}
