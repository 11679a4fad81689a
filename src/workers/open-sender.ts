import { readActionVersions } from '../db/actions.ts';
import { listAudiences } from '../db/audiences.ts';
import type { TakenLane } from '../db/lane-lease.ts';
import type { Queryable } from '../db/sql.ts';
import { tokenRows } from '../db/token-refresh.ts';
import type { Sender, SenderContext } from '../destinations/definition.ts';
import { loadDefinition } from '../destinations/registry.ts';
import { createRenew } from '../destinations/token-renewal.ts';
import { open, settingsPlace, type Keyring } from '../destinations/secrets.ts';

/**
 * How a delivery process opens destinations: definition from the catalog, settings unsealed for this use only, actions in
 * the versions of the run.
 */
export function createOpenSender(context: SenderContext & { readonly keyring: Keyring }) {
  return async (
    {
      kind,
      destination: { id, type, settingsSealed },
      actions,
    }: Pick<TakenLane, 'kind' | 'destination' | 'actions'>,
    db: Queryable,
  ): Promise<Sender> => {
    const definition = await loadDefinition(type);
    if (definition === null) throw new Error(`no definition of the type ${type}`);
    const settings = open(settingsSealed, settingsPlace(id), context.keyring);
    const versions = await readActionVersions(db, actions);
    const replay = kind === 'replay';
    return definition.open(settings, {
      egress: context.egress,
      renew: createRenew(tokenRows(db, id), context.keyring, id),
      destinationId: id,
      actions: versions,
      audiences: await listAudiences(db, id),
      replay,
    });
  };
}
