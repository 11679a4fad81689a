import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import proto from '@temporalio/proto';
import { destinationAttribute, stateAttribute } from '../workflows/messages.ts';

/** What a server answers that does not let this caller do it, or has no such call: PERMISSION_DENIED, UNIMPLEMENTED. */
const refusals: ReadonlySet<number> = new Set([7, 12]);
const ours = [destinationAttribute.name, stateAttribute.name];

/**
 * Makes the search attributes known to a namespace; again is harmless. Must come before any workflow starts: one
 * that upserts an unregistered attribute is stuck. Where the server lets nobody do that, as Temporal Cloud does, they
 * have to be there: somebody has made them by its own tools.
 * @throws when they are not there and cannot be made
 */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(ours.map((name) => [name, keyword])),
    });
  } catch (error) {
    if (!isGrpcServiceError(error) || !refusals.has(error.code)) throw error;
    const missing = await missingSearchAttributes(connection, namespace);
    if (missing === null || missing.length === 0) return;
    throw new Error(
      `The namespace ${namespace} lacks the search attributes ${missing.join(' and ')}, of the type Keyword, and this server lets nobody make them from here.`,
      { cause: error },
    );
  }
}

/** Search attributes of Reprise that a namespace does not know; null when the server does not tell. */
export async function missingSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<string[] | null> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return ours.filter((name) => !Object.hasOwn(customAttributes, name));
  } catch (error) {
    if (isGrpcServiceError(error) && refusals.has(error.code)) return null;
    throw error;
  }
}

/** By which people filter workflows in Temporal's UI. */
export function searchAttributesOf(destinationId: string, state: string): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: destinationAttribute, value: destinationId },
    { key: stateAttribute, value: state },
  ]);
}
