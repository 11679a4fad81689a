import type { Choice, Conditions, Field } from './document.ts';
import type { PackageConditions, PackageField, PackageFields } from './package-definition.ts';

/** How the package names the sync mode among the fields of a mapping. */
export const syncModeField = '__segment_internal_sync_mode';

/** A mapping with the way of its sync that a form begins with, where it says none: actions that have ways refuse to guess. */
export function withSyncMode(
  mapping: Readonly<Record<string, unknown>>,
  syncMode: { readonly default: string } | null,
): Readonly<Record<string, unknown>> {
  return syncMode === null ? mapping : { [syncModeField]: syncMode.default, ...mapping };
}

/** Fields of the package as the index has them, in the order in which forms show them. */
export function describeFields(fields: PackageFields | undefined): Field[] {
  return Object.entries(fields ?? {}).map(([name, field]) => describeField(name, field));
}

/**
 * Settings are all secret, whatever the package calls them: most credentials among them are typed as plain text.
 */
export function describeSettings(fields: PackageFields | undefined): Field[] {
  return describeFields(fields).map(({ fields: members, ...setting }) => ({
    ...setting,
    ...(setting.type === 'object' && members !== undefined && { fields: members }),
    secret: true,
  }));
}

function describeField(name: string, field: PackageField): Field {
  const { type, label, description = '', minimum, maximum, format, placeholder, category } = field;
  return {
    name,
    type,
    label,
    description: description.trim(),
    ...necessityOf(field),
    ...(field.default !== undefined && { default: field.default }),
    ...(field.choices !== undefined && { choices: field.choices.map(describeChoice) }),
    ...(field.multiple === true && { multiple: true }),
    ...(field.allowNull === true && { nullable: true }),
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
    ...(format !== undefined && { format }),
    ...(placeholder !== undefined && placeholder !== '' && { placeholder }),
    ...(category !== undefined && { category }),
    ...(field.defaultObjectUI !== undefined && { form: field.defaultObjectUI }),
    ...(field.unsafe_hidden === true && { hidden: true }),
    ...(field.readOnly === true && { readOnly: true }),
    ...(field.dynamic !== undefined && field.dynamic !== false && { dynamic: true }),
    ...(field.properties !== undefined && { fields: describeFields(field.properties) }),
    ...(field.additionalProperties === true && { open: true }),
  };
}

function necessityOf({ required, depends_on: dependsOn }: PackageField): Partial<Field> {
  return {
    ...(required === true && { required: true }),
    ...(typeof required === 'object' && { required: describeConditions(required) }),
    ...(dependsOn !== undefined && { dependsOn: describeConditions(dependsOn) }),
  };
}

function describeConditions({ match = 'all', conditions }: PackageConditions): Conditions {
  return {
    match,
    conditions: conditions.map(({ type, fieldKey = syncModeField, operator, value }) => ({
      field: type === 'syncMode' ? syncModeField : fieldKey,
      operator,
      ...(value !== undefined && { value }),
    })),
  };
}

function describeChoice(choice: string | Choice): Choice {
  return typeof choice === 'string'
    ? { value: choice, label: choice }
    : { value: choice.value, label: choice.label };
}
