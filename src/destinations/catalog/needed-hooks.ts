/**
 * Actions that can send nothing without what a hook saved; of several hooks one is enough. Each was read in its code:
 * most refuse every event, Braze's would be sent to a catalog "undefined". All others have the id from the event, too, or
 * do without.
 */
const needed: Readonly<Record<string, readonly string[]>> = {
  'actions-braze-cloud/upsertCatalogItem': ['onMappingSave'],
  'actions-linkedin-conversions/streamConversion': ['onMappingSave'],
  'actions-salesforce-marketing-cloud/asyncDataExtension': ['onMappingSave', 'retlOnMappingSave'],
  'actions-salesforce-marketing-cloud/contactDataExtensionV2': ['onMappingSave', 'retlOnMappingSave'],
  'actions-salesforce-marketing-cloud/dataExtensionV2': ['onMappingSave', 'retlOnMappingSave'],
};

/** The hooks one of which has to be run before an action can send anything; none: it needs none. */
export function neededHooks(type: string, action: string): readonly string[] {
  return needed[`${type}/${action}`] ?? [];
}

/** Why an action cannot send anything with a mapping, or null. */
export function missingHook(
  type: string,
  action: string,
  mapping: Readonly<Record<string, unknown>>,
): string | null {
  const hooks = neededHooks(type, action);
  if (hooks.length === 0 || hooks.some((name) => mapping[name] !== undefined)) return null;
  return `The action needs what its hook saves, and none was run: save it again with {"hooks": {"${hooks[0]!}": {…}}}.`;
}
