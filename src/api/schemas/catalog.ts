import { z } from 'zod';
import { categories } from '../../destinations/catalog/categories.ts';
import { readinesses } from '../../destinations/catalog/readiness.ts';
import { ReplayProfile as WrittenProfile } from '../../destinations/replay-profile.ts';

export const Category = z.enum(categories);
export const Scheme = z.enum(['none', 'custom', 'basic', 'oauth2', 'oauth-managed']);
export const Readiness = z.enum(readinesses);

const readinessText =
  '`ready`: events of any age keep their time and are known again. `careful`: it can reach people, set things off or take something away. `limited`: all else; the entry says what.';

const notConnectable = z
  .string()
  .nullable()
  .meta({ description: 'Why it cannot be connected here. null: it can.' });

export const CatalogListed = z
  .object({
    type: z.string(),
    title: z.string(),
    description: z.string(),
    category: Category.nullable().meta({ description: 'null: not known.' }),
    authentication: Scheme.meta({ description: 'What credentials it asks for.' }),
    actions: z.int(),
    batching: z.int().meta({ description: 'How many of its actions take several events at once.' }),
    replay: Readiness.meta({ description: readinessText }),
    connectable: z.boolean(),
    notConnectable,
  })
  .meta({ id: 'CatalogListed', description: 'A destination type, as the list has it.' });

const Conditions = z
  .object({
    match: z.enum(['all', 'any']),
    conditions: z.array(
      z.object({
        field: z.string(),
        operator: z.enum(['is', 'is_not']),
        value: z.exactOptional(z.unknown()).meta({ description: 'Absent: that it has no value.' }),
      }),
    ),
  })
  .meta({ id: 'CatalogConditions' });

const Choice = z.object({ value: z.union([z.string(), z.number(), z.boolean()]), label: z.string() });
const only = z.exactOptional(z.literal(true));
const number = z.exactOptional(z.number());
const text = z.exactOptional(z.string());

const Field = z
  .object({
    name: z.string(),
    type: z.enum(['string', 'text', 'number', 'integer', 'datetime', 'boolean', 'password', 'object']),
    label: z.string(),
    description: z.string(),
    required: z.exactOptional(z.union([z.literal(true), Conditions])).meta({
      description: 'true, or the conditions under which it is. Absent: no.',
    }),
    dependsOn: z.exactOptional(Conditions).meta({ description: 'A form shows it only then.' }),
    secret: only.meta({ description: 'It never comes back.' }),
    default: z.exactOptional(z.unknown()),
    choices: z.exactOptional(z.array(Choice)),
    multiple: only.meta({ description: 'A list of such values.' }),
    nullable: only,
    minimum: number,
    maximum: number,
    format: text,
    placeholder: text,
    category: text,
    form: text,
    hidden: only.meta({ description: 'Forms do not show it.' }),
    readOnly: only,
    ours: only.meta({ description: 'Reprise’s own: it is not handed to the definition.' }),
    dynamic: only.meta({ description: 'The destination itself can list what to choose from.' }),
    open: only.meta({ description: 'Of an object: it takes other members as well.' }),
    get fields() {
      return z.exactOptional(z.array(Field));
    },
  })
  .meta({ id: 'CatalogField', description: 'A setting, or a field of what an action sends.' });

const Batch = z
  .object({
    keys: z.array(z.string()).meta({ description: 'Values of these fields are alike within a batch.' }),
    defaultSize: z.number().nullable(),
    maximumSize: z.number().nullable(),
    maximumBytes: z.number().nullable(),
    enabledByDefault: z
      .boolean()
      .meta({ description: 'Whether it does where a mapping does not say so by `enable_batching`.' }),
  })
  .meta({ id: 'CatalogBatch' });

const Mapping = z.record(z.string(), z.unknown());

const Action = z
  .object({
    name: z.string(),
    title: z.string(),
    description: z.string(),
    trigger: z.string().nullable().meta({ description: 'FQL that a form begins with.' }),
    hidden: only,
    batch: Batch.nullable().meta({ description: 'null: it takes events one by one.' }),
    syncMode: z.object({ label: z.string(), default: z.string(), choices: z.array(Choice) }).nullable(),
    hooks: z
      .array(
        z.object({
          name: z.string(),
          label: z.string(),
          inputs: z.array(Field),
          needed: only.meta({
            description: 'Without what this hook, or another one that is needed, saved, nothing can be sent.',
          }),
        }),
      )
      .meta({ description: 'Run when an action is saved that names them in `hooks`.' }),
    dynamicFields: z.array(z.string()).meta({
      description:
        'Fields whose choices the destination itself lists: `POST /api/destinations/{id}/actions/{action}/fields/{field}/choices`. `object.__keys__`: the names that its members may have.',
    }),
    sideEffects: z.array(z.enum(['message', 'deletion'])).meta({
      description: 'By its name it reaches people, or takes something away.',
    }),
    fields: z.array(Field),
  })
  .meta({ id: 'CatalogAction' });

const Computed = z
  .object({
    eventActions: z.array(
      z.object({ action: z.string(), time: z.enum(['event', 'arrival', 'none']), messageId: z.boolean() }),
    ),
    batching: z.array(z.string()),
    messages: z.array(z.string()),
    deletions: z.array(z.string()),
    deletionsByMapping: z
      .array(
        z.object({
          action: z.string(),
          field: z
            .string()
            .nullable()
            .meta({ description: '`object.member` of an object; null: the sync mode.' }),
          values: z.array(z.union([z.string(), z.number(), z.boolean()])),
        }),
      )
      .meta({ description: 'Actions that take something away when their mapping has one of these values.' }),
  })
  .meta({
    id: 'ComputedReplayProfile',
    description: 'What the definition itself tells, by its default mappings.',
  });

const Profile = WrittenProfile.meta({
  id: 'ReplayProfile',
  description: 'Written down, each figure with its source. `confirmed: false`: it could not be verified.',
});

export const CatalogEntry = z
  .object({
    type: z.string(),
    title: z.string(),
    description: z.string(),
    category: Category.nullable(),
    connectable: z.boolean(),
    notConnectable,
    authentication: z.object({
      scheme: Scheme,
      tests: z.boolean().meta({ description: 'It can tell whether credentials are good.' }),
      refreshes: z.boolean().meta({ description: 'It can fetch a new access token.' }),
    }),
    settings: z.array(Field).meta({ description: 'What a destination of this type is connected with.' }),
    settingsSchema: z.record(z.string(), z.unknown()).nullable().meta({
      description: 'JSON Schema (2020-12) of the settings of a type of our own; null for all others.',
    }),
    generated: z.array(z.string()).meta({ description: 'Settings that are generated when they are absent.' }),
    environment: z.array(z.string()).meta({
      description:
        'Environment variables that its code reads, as a developer token of its service. Set them for API and delivery processes where they are needed: they are handed on to what runs its code.',
    }),
    features: z.array(z.string()).meta({ description: 'Switches that its code knows.' }),
    connections: z.object({
      shared: z.boolean().meta({ description: 'false: it opens some connections by itself.' }),
      by: z.array(z.string()),
    }),
    multiStatus: z.boolean().meta({ description: 'It tells how each event of a batch fared.' }),
    audience: z
      .object({
        mode: z.enum(['realtime', 'synced']),
        full: z.boolean(),
        creates: z.boolean(),
        settings: z.array(Field),
      })
      .nullable()
      .meta({
        description:
          'It keeps lists of people, which `/api/destinations/{id}/audiences` makes there; `creates: false`: name one that it has. null: it has none.',
      }),
    actions: z.array(Action),
    presets: z
      .array(
        z.object({
          name: z.string(),
          action: z.string(),
          trigger: z.string().nullable(),
          mapping: Mapping,
          faults: z.exactOptional(z.array(z.string())).meta({
            description: 'What the package itself maps wrongly there. Mend it before it is used.',
          }),
        }),
      )
      .meta({ description: 'What a new destination begins with; a trigger of null takes every event.' }),
    eventPresets: z
      .array(z.object({ name: z.string(), action: z.string(), event: z.string(), mapping: Mapping }))
      .meta({ description: 'Made for events that only Segment’s audiences and journeys emit; not applied.' }),
    replay: z.object({
      readiness: Readiness.meta({ description: readinessText }),
      explanation: z.array(z.string()).meta({ description: 'What a replay can and cannot do there.' }),
      profile: Profile.nullable().meta({
        description: 'null: nobody wrote one; what is known was computed.',
      }),
      computed: Computed.nullable().meta({ description: 'null: its events go out as they are.' }),
    }),
  })
  .meta({ id: 'CatalogEntry', description: 'A destination type.' });

export const listedExample: z.input<typeof CatalogListed> = {
  type: 'yotpo-actions',
  title: 'Yotpo',
  description: 'Send data to Yotpo',
  category: 'commerce',
  authentication: 'oauth-managed',
  actions: 1,
  batching: 0,
  replay: 'limited',
  connectable: false,
  notConnectable: 'It sends nothing of an event: its one action asks Yotpo for the name of the store.',
};

export const entryExample: z.input<typeof CatalogEntry> = {
  type: 'webhook',
  title: 'Webhook',
  description: 'Sends events as signed HTTP requests (Standard Webhooks) to a URL of yours.',
  category: 'data',
  connectable: true,
  notConnectable: null,
  authentication: { scheme: 'custom', tests: true, refreshes: false },
  settings: [
    {
      name: 'url',
      type: 'string',
      label: 'url',
      description: 'Where events are POSTed to, https or http.',
      required: true,
    },
  ],
  settingsSchema: {
    type: 'object',
    properties: { url: { type: 'string', description: 'Where events are POSTed to, https or http.' } },
    required: ['url'],
    additionalProperties: false,
  },
  generated: ['secret'],
  environment: [],
  features: [],
  connections: { shared: true, by: [] },
  multiStatus: false,
  audience: null,
  actions: [],
  presets: [{ name: 'Send event', action: 'Send event', trigger: null, mapping: {} }],
  eventPresets: [],
  replay: {
    readiness: 'ready',
    explanation: ['Events of any age can be sent.'],
    profile: null,
    computed: null,
  },
};
