/** What people call an action of a destination by. */
export interface NamedAction {
  readonly id: string;
  readonly name: string;
  /** The definition's name for what it does; null where the definition has one kind of action. */
  readonly action: string | null;
}

/** Whether a text means an action of a destination: its id, its name, or what it does in the catalog. */
export function meansAction({ id, name, action }: NamedAction, text: string): boolean {
  return [id, name, action].includes(text);
}
