import { hash } from 'node:crypto';

/** The namespace of all ids made here (RFC 9562, 5.5), drawn once at random. It must never change. */
const namespace = Buffer.from('6d1c6f0a3f5e4b0f9c8a2f6f1e0b7d35', 'hex');

/**
 * What the ids of a delivery, and of batches with it, are made from: the same over attempts, stream and replays. With
 * `newIdsOf`, the id of a run that asked for new ids, it is the same only within that run.
 */
export function deliveryName(
  destinationId: string,
  actionId: string,
  position: number,
  newIdsOf?: string,
): string {
  const name = `${destinationId}|${actionId}|${position}`;
  return newIdsOf === undefined ? name : `${name}|${newIdsOf}`;
}

/** The id of a delivery, by which a receiver can drop what it has. @returns a UUID, version 5. */
export function deliveryId(name: string): string {
  return uuidOf(`delivery|${name}`);
}

/**
 * The id of a batch, made from the names of all its deliveries in order: the same batch sent again has the same id.
 * @returns a UUID, version 5.
 */
export function batchId(names: readonly string[]): string {
  return uuidOf(`batch|${names.join('|')}`);
}

/** RFC 9562, 5.5: a SHA-1 of which four bits say the version and two the variant. */
function uuidOf(name: string): string {
  const hex = hash('sha1', Buffer.concat([namespace, Buffer.from(name)]), 'hex');
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) & 3);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
