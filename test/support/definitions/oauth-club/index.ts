// A definition whose service has OAuth, for tests of what becomes of its tokens.
interface Context {
  readonly settings: { readonly endpoint: string; readonly tokenEndpoint?: string };
  readonly auth?: { readonly accessToken?: string; readonly refreshToken?: string };
  readonly payload: { readonly id: string };
  readonly page?: string;
}
type Request = (url: string, options?: object) => Promise<{ readonly data: unknown }>;

export default {
  name: 'OAuth Club',
  slug: 'oauth-club',
  mode: 'cloud',
  authentication: {
    scheme: 'oauth2',
    fields: {
      endpoint: { label: 'Endpoint', type: 'string', required: true },
      tokenEndpoint: { label: 'Token endpoint', type: 'string' },
    },
    testAuthentication: (request: Request, { settings }: Context) => request(`${settings.endpoint}/me`),
    refreshAccessToken: async (request: Request, { settings, auth }: Context) => {
      const { data } = await request(settings.tokenEndpoint ?? `${settings.endpoint}/token`, {
        method: 'POST',
        json: auth,
      });
      const { access_token: accessToken, refresh_token: refreshToken } = data as Record<string, string>;
      return { accessToken, refreshToken };
    },
  },
  extendRequest: ({ auth }: Context) => ({ headers: { authorization: `Bearer ${auth?.accessToken}` } }),
  actions: {
    join: {
      title: 'Join',
      defaultSubscription: 'type = "track"',
      fields: {
        id: { label: 'Id', type: 'string', required: true, default: { '@path': '$.messageId' } },
        room: { label: 'Room', type: 'string', dynamic: true },
      },
      dynamicFields: {
        room: async (request: Request, { settings, page }: Context) => {
          const { data } = await request(`${settings.endpoint}/rooms?page=${page ?? 'first'}`);
          return data;
        },
      },
      perform: (request: Request, { settings, payload }: Context) =>
        request(`${settings.endpoint}/join`, { method: 'POST', json: payload }),
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
