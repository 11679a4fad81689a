import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { missingSearchAttributes } from './search-attributes.ts';

/** What is to be known of a namespace before workflows run in it. */
export type NamespaceFacts =
  | { readonly kind: 'missing'; readonly name: string }
  | {
      readonly kind: 'there';
      readonly name: string;
      /** For how long what has ended can be looked at; days, null: not told. */
      readonly retentionDays: number | null;
      /** Search attributes of Reprise that it does not know; null: not told. */
      readonly missingAttributes: readonly string[] | null;
    };

const daySeconds = 86_400;
/** NOT_FOUND, as gRPC numbers it. */
const unknown: ReadonlySet<number> = new Set([5]);

/** PERMISSION_DENIED and UNAUTHENTICATED. */
const refusals: ReadonlySet<number> = new Set([7, 16]);

/** Whether a call failed because the server answers, but not to this key or certificate. */
export const letsNobodyIn = (error: unknown): boolean =>
  isGrpcServiceError(error) && refusals.has(error.code);

/** Looks a namespace up. @throws what the server says when it does not answer, or lets nobody in */
export async function describeNamespace(connection: Connection, name: string): Promise<NamespaceFacts> {
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace: name });
    const seconds = config?.workflowExecutionRetentionTtl?.seconds;
    return {
      kind: 'there',
      name,
      retentionDays: seconds === undefined || seconds === null ? null : Number(seconds) / daySeconds,
      missingAttributes: await missingSearchAttributes(connection, name),
    };
  } catch (error) {
    if (isGrpcServiceError(error) && unknown.has(error.code)) return { kind: 'missing', name };
    throw error;
  }
}
