import { nearestName } from '../../core/nearest-name.ts';

/** Something that cannot be used: where it stands, and a text that names the remedy. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly problem: string;
}

/** The fault of a member that is not known at a place. */
export function unknownMember(path: readonly PropertyKey[], name: string, known: readonly string[]): Fault {
  const shown = name.length <= 60 ? name : `${name.slice(0, 60)}…`;
  const near = nearestName(name, known);
  const all = known.length === 0 || known.length > 40 ? '.' : `; known are: ${known.join(', ')}.`;
  const remedy = near === null ? `Leave it out${all}` : `Did you mean "${near}"?`;
  return { path: [...path, name], problem: `"${shown}" is not known here. ${remedy}` };
}
