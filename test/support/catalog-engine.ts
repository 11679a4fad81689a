import { randomUUID } from 'node:crypto';
import type { Database } from '../../src/db/database.ts';
import { insertDestination } from '../../src/db/destinations.ts';
import { watchHead } from '../../src/db/head-watch.ts';
import { sql } from '../../src/db/sql.ts';
import { withSyncMode } from '../../src/destinations/catalog/describe-field.ts';
import { defaultMapping } from '../../src/destinations/catalog/compute-profile.ts';
import { readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { createKeyring, seal, settingsPlace } from '../../src/destinations/secrets.ts';
import { givenValues } from './contract/given.ts';
import { mappingFor, settingsFor } from './contract/made-up.ts';
import { secretKey, type Engine } from './engine.ts';
import { newSource } from './events.ts';

/** Settings and a mapping by which an action of the catalog sends something; `mapping` goes before. */
export function usable(type: string, action: string, mapping: Readonly<Record<string, unknown>> = {}) {
  const document = readCatalogDocument(type)!;
  const { fields, syncMode } = document.actions.find(({ name }) => name === action)!;
  const given = givenValues[type];
  const known = Object.entries(given?.mapping ?? {}).filter(([name]) =>
    fields.some((field) => field.name === name),
  );
  const byDefault = mappingFor(fields, withSyncMode(defaultMapping({ fields }), syncMode));
  return {
    document,
    settings: { ...settingsFor(document), ...given?.settings },
    mapping: { ...byDefault, ...Object.fromEntries(known), ...mapping },
  };
}

/** A destination of the catalog with one action, which takes every event of a source of its own. */
export async function newCatalogEngine(
  db: Database,
  type: string,
  action: string,
  given: Readonly<Record<string, unknown>> = {},
): Promise<Omit<Engine, 'sink'>> {
  const { settings, mapping } = usable(type, action, given);
  const source = await newSource(db);
  const destinationId = randomUUID();
  await insertDestination(db, {
    id: destinationId,
    type,
    name: type,
    enabled: true,
    settingsSealed: seal(settings, settingsPlace(destinationId), createKeyring(secretKey)),
    sources: [source],
    budget: {},
    actions: [{ name: action, action, trigger: null, mapping }],
  });
  const rows = await db.rows<{ id: string }>(
    sql`select id from action where destination_id = ${destinationId}`,
  );
  return { db, head: watchHead(db), source, destinationId, actions: rows.map(({ id }) => id) };
}
