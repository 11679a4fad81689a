import { type DestinationDefinition, IntegrationError } from '@segment/actions-core';

interface Settings {
  readonly endpoint: string;
  readonly apiKey: string;
}

interface Payload {
  readonly member: string;
  readonly points: number;
  readonly order: string;
  readonly bookedAt: string;
}

/** A made-up service that books points for orders: `POST {endpoint}/points` takes a list of bookings. */
const loyaltyClub: DestinationDefinition<Settings> = {
  name: 'Loyalty Club',
  slug: 'loyalty-club',
  mode: 'cloud',
  description: 'Books points for what members buy.',
  authentication: {
    scheme: 'custom',
    fields: {
      endpoint: {
        label: 'Endpoint',
        description: 'Where your club’s API is.',
        type: 'string',
        format: 'uri',
        required: true,
      },
      apiKey: {
        label: 'API key',
        description: 'From the settings of your club.',
        type: 'password',
        required: true,
      },
    },
    // Whatever it answers but 2xx is an error, which `POST /api/destinations/{id}/test` shows.
    testAuthentication: (request, { settings }) => request(`${settings.endpoint}/me`),
  },
  extendRequest: ({ settings }) => ({ headers: { authorization: `Bearer ${settings.apiKey}` } }),
  actions: {
    bookPoints: {
      title: 'Book points',
      description: 'Books points for an order.',
      defaultSubscription: 'type = "track" and event = "Order Completed"',
      fields: {
        member: {
          label: 'Member',
          description: 'Who gets the points.',
          type: 'string',
          required: true,
          default: { '@path': '$.userId' },
        },
        points: {
          label: 'Points',
          description: 'How many.',
          type: 'number',
          required: true,
          default: { '@path': '$.properties.total' },
        },
        // The club books an order once, however often it is sent.
        order: {
          label: 'Order',
          description: 'What they are for.',
          type: 'string',
          required: true,
          default: { '@path': '$.messageId' },
        },
        // The time of the event, so that a replay books the past in the past.
        bookedAt: {
          label: 'Time',
          description: 'When it was bought.',
          type: 'datetime',
          required: true,
          default: { '@path': '$.timestamp' },
        },
        enable_batching: {
          label: 'Batch',
          description: 'Send many bookings in a request.',
          type: 'boolean',
          default: true,
        },
        batch_size: {
          label: 'Batch size',
          description: 'Bookings in a request.',
          type: 'integer',
          default: 100,
          maximum: 500,
        },
      },
      perform: async (request, { settings, payload }) => await book(request, settings, [payload as Payload]),
      performBatch: async (request, { settings, payload }) =>
        await book(request, settings, payload as Payload[]),
    },
  },
  presets: [
    {
      name: 'Points for orders',
      type: 'automatic',
      partnerAction: 'bookPoints',
      subscribe: 'type = "track" and event = "Order Completed"',
      mapping: {
        member: { '@path': '$.userId' },
        points: { '@path': '$.properties.total' },
        order: { '@path': '$.messageId' },
        bookedAt: { '@path': '$.timestamp' },
        enable_batching: true,
        batch_size: 100,
      },
    },
  ],
};
export default loyaltyClub;

type Request = Parameters<NonNullable<(typeof loyaltyClub)['actions'][string]['perform']>>[0];

async function book(request: Request, { endpoint }: Settings, bookings: readonly Payload[]) {
  const unknown = bookings.find(({ points }) => points < 0);
  if (unknown !== undefined) {
    throw new IntegrationError(`The club books no ${unknown.points} points.`, 'NEGATIVE_POINTS', 400);
  }
  const json = bookings.map(({ member, points, order, bookedAt }) => ({
    member,
    points: Math.floor(points),
    order,
    bookedAt,
  }));
  return await request(`${endpoint}/points`, { method: 'post', json });
}
