import type { Connection } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import proto from '@temporalio/proto';
import { destinationAttribute, stateAttribute } from '../workflows/messages.ts';

/**
 * Makes the search attributes known to a namespace; again is harmless. Must come before any workflow starts: one
 * that upserts an unregistered attribute is stuck.
 */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: { [destinationAttribute.name]: keyword, [stateAttribute.name]: keyword },
  });
}

/** By which people filter workflows in Temporal's UI. */
export function searchAttributesOf(destinationId: string, state: string): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: destinationAttribute, value: destinationId },
    { key: stateAttribute, value: state },
  ]);
}
