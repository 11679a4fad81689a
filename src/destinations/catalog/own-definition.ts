import { z } from 'zod';
import type { PackageDefinition } from './package-definition.ts';

const code = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'expected a function',
);

const Action = z.looseObject({
  title: z.string().min(1),
  fields: z.record(z.string(), z.looseObject({ label: z.string(), type: z.string() })).optional(),
  perform: code,
  performBatch: code.optional(),
});

const Preset = z.looseObject({
  name: z.string().min(1),
  type: z.enum(['automatic', 'specificEvent']),
  partnerAction: z.string(),
});

/** What a definition must have so that the catalog can show it and its framework can run it. */
const Definition = z.looseObject({
  name: z.string().min(1),
  slug: z.string().regex(/^[a-z\d][a-z\d-]{1,63}$/, 'expected small letters, digits and dashes, 64 at most'),
  mode: z.literal('cloud', 'expected "cloud": only those run here'),
  actions: z.record(z.string(), Action).refine((actions) => Object.keys(actions).length > 0, 'has no action'),
  presets: z.array(Preset).optional(),
});

export type OwnCheck =
  | { readonly ok: true; readonly definition: PackageDefinition }
  | { readonly ok: false; readonly faults: readonly string[] };

/** Reads what the file of a definition exports. @returns it, or all that is wrong with it, each with its place */
export function checkOwn(exported: unknown): OwnCheck {
  if (exported === undefined) return { ok: false, faults: ['it exports no definition as its default'] };
  const parsed = Definition.safeParse(exported);
  if (parsed.success) return { ok: true, definition: exported as PackageDefinition };
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'default'}: ${message}`);
  return { ok: false, faults };
}
