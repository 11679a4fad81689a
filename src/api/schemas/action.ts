import { z } from 'zod';
import { FqlText } from '../../core/fql/text.ts';
import { Id, Name } from './fields.ts';

const actionName = z
  .string()
  .min(1)
  .max(100)
  .meta({ description: 'What it does, by the definition’s name (see the catalog).', example: 'trackEvent' });
const Trigger = FqlText.nullable().meta({
  description: 'FQL: which events it takes; null: every event. Absent: what the definition suggests.',
  example: 'type = "track"',
});
const Mapping = z.record(z.string(), z.unknown()).meta({
  description:
    'What the destination gets of an event, by the action’s fields. Absent: what the definition suggests.',
});

const Hooks = z.record(z.string(), z.record(z.string(), z.unknown()).nullable()).meta({
  description:
    'Hooks of the action’s definition to be run before it is saved, each with its inputs (`hooks` of the action in the catalog). They make or find something at the service, as a conversion rule, whose id every event then needs; what they save stands in `mapping` under their name and stays with later versions. null: forget what it saved. A hook that fails refuses the request, and `savedByHooks` of the refusal has what those before it saved. One that is named again with the inputs that it had is not run again, unless the settings change; to have it run, forget first what it saved.',
  example: { onMappingSave: { adAccountId: 'urn:li:sponsoredAccount:5123', conversionRuleId: '104012' } },
});

/** An action of a destination that is being connected. */
export const NewAction = z
  .strictObject({
    name: z.exactOptional(Name),
    action: z.exactOptional(actionName),
    trigger: z.exactOptional(Trigger),
    mapping: z.exactOptional(Mapping),
    hooks: z.exactOptional(Hooks),
  })
  .meta({ id: 'NewAction' });

/** An action as it is to be: one that is there already is named by its id, and keeps what is absent. */
export const WantedAction = NewAction.extend({
  id: z.exactOptional(Id.meta({ description: 'Of an action that stays. Absent: a new one.' })),
}).meta({ id: 'WantedAction' });

/** An action in its newest version. */
export const Action = z
  .object({
    id: Id,
    name: z.string(),
    action: z.string().nullable().meta({
      description: 'What it does, by the definition’s name; null where the definition does one thing.',
    }),
    version: z.int().meta({ description: 'Grows with each change of trigger or mapping.' }),
    trigger: z.string().nullable().meta({ description: 'FQL; null: every event.' }),
    mapping: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What the destination gets of an event.' }),
  })
  .meta({ id: 'Action' });

export const actionExample: z.input<typeof Action> = {
  id: 'b1f0d7c2-9a34-4e6b-8c15-7d2e4f6a8b90',
  name: 'Send event',
  action: null,
  version: 1,
  trigger: null,
  mapping: {},
};
