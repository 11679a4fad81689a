import type { TakenLane } from '../db/lane-lease.ts';
import type { Sender, SenderContext } from '../destinations/definition.ts';
import { loadDefinition } from '../destinations/registry.ts';
import { open, settingsPlace, type Keyring } from '../destinations/secrets.ts';

/** How a delivery process opens destinations: definition from the catalog, settings unsealed for this use only. */
export function createOpenSender(context: SenderContext & { readonly keyring: Keyring }) {
  return async ({ id, type, settingsSealed }: TakenLane['destination']): Promise<Sender> => {
    const definition = await loadDefinition(type);
    if (definition === null) throw new Error(`no definition of the type ${type}`);
    return definition.open(open(settingsSealed, settingsPlace(id), context.keyring), context);
  };
}
