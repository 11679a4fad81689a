import type { CatalogAction } from './document.ts';

/** A field whose choices a destination can be asked for. */
export interface DynamicField {
  /** As the framework names it. */
  readonly field: string;
  /** The hook whose input it is; null: it is a field of the mapping. */
  readonly hook: string | null;
}

/**
 * The dynamic field that a text means: `name`, `object.member`, `list.[0].member`, `object.__keys__`, or an input of a
 * hook, `onMappingSave.name`. @returns null: the destination lists no choices for it
 */
export function dynamicFieldOf(
  { dynamicFields, hooks }: Pick<CatalogAction, 'dynamicFields' | 'hooks'>,
  text: string,
): DynamicField | null {
  const [, parent = '', member = ''] = /^([^.]*)\.(.*)$/.exec(text.replace(/\.\[\d{1,6}\]\./, '.')) ?? [];
  const hook = hooks.find(({ name }) => name === parent);
  if (hook !== undefined) {
    const isInput = hook.inputs.some(({ name, dynamic }) => name === member && dynamic === true);
    return isInput ? { field: member, hook: hook.name } : null;
  }
  const names = parent === '' ? [text] : [`${parent}.${member}`, `${parent}.__values__`];
  return names.some((name) => dynamicFields.includes(name)) ? { field: text, hook: null } : null;
}
