// A definition whose service has OAuth, and whose code has no test of the credentials.
interface Context {
  readonly settings: { readonly endpoint: string };
  readonly auth?: { readonly accessToken?: string; readonly refreshToken?: string };
}
type Request = (url: string, options?: object) => Promise<{ readonly data: unknown }>;

export default {
  name: 'OAuth Quiet',
  slug: 'oauth-quiet',
  mode: 'cloud',
  authentication: {
    scheme: 'oauth2',
    fields: { endpoint: { label: 'Endpoint', type: 'string', required: true } },
    refreshAccessToken: async (request: Request, { settings, auth }: Context) => {
      const { data } = await request(`${settings.endpoint}/token`, { method: 'POST', json: auth });
      const { access_token: accessToken, refresh_token: refreshToken } = data as Record<string, string>;
      return { accessToken, refreshToken };
    },
  },
  actions: {
    join: {
      title: 'Join',
      defaultSubscription: 'type = "track"',
      fields: { id: { label: 'Id', type: 'string', default: { '@path': '$.messageId' } } },
      perform: (request: Request, { settings }: Context) =>
        request(`${settings.endpoint}/join`, { method: 'POST' }),
    },
  },
  presets: [
    {
      name: 'Join',
      type: 'automatic',
      partnerAction: 'join',
      subscribe: 'type = "track"',
      mapping: { id: { '@path': '$.messageId' } },
    },
  ],
};
