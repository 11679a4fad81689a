import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

// Secrets at rest, above all destinations' settings: each sealed text has a data key of its own, which the
// key-encryption key wraps, so that a change of that key rewrites 60 bytes per row and never sees the content. Text form, five parts between dots:
//   sealed1 . key id . place tag . wrapped data key . content
// Both encrypted parts are AES-256-GCM with a random 96-bit nonce in front and the tag behind, in base64url.

/** The key-encryption keys that this deployment knows: new seals use `current`, old ones may name any. */
export interface Keyring {
  readonly current: string;
  readonly keys: ReadonlyMap<string, Buffer>;
}

export type SealFault =
  /** It is not in the text form, or of a newer version. */
  | 'malformed'
  /** It was sealed under a key that the keyring does not hold. */
  | 'unknown_key'
  /** It was sealed for another row or field. */
  | 'wrong_place'
  /** A bit of it was changed, or it was made to look as if it belonged here. */
  | 'damaged';

/** A sealed text that cannot be opened. The message says which of the faults it is and holds nothing secret. */
export class SealError extends Error {
  override readonly name = 'SealError';
  readonly fault: SealFault;
  constructor(fault: SealFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

const version = 'sealed1';
const nonceBytes = 12;
const tagBytes = 16;

/**
 * A keyring of the key that seals (REPRISE_SECRET_KEY) and of others that only open (REPRISE_OTHER_SECRET_KEYS), each 32
 * bytes in base64.
 * @throws Error when a key has another length.
 */
export function createKeyring(current: string, ...others: readonly string[]): Keyring {
  const keys = new Map<string, Buffer>();
  for (const text of [current, ...others]) {
    const key = Buffer.from(text, 'base64');
    if (key.length !== 32) throw new Error('A secret key has 32 bytes, written in base64.');
    keys.set(keyId(key), key);
  }
  const [first] = keys.keys();
  return { current: first ?? '', keys };
}

/** The ids of the keys that a keyring opens with, the one that it seals with first. They tell keys apart and nothing else. */
export function keyIdsOf(keyring: Keyring): string[] {
  return [...keyring.keys.keys()];
}

/**
 * Whether two sealed texts hold the same content by the same seal: another key may wrap their data key. What is sealed
 * anew is never the same, whatever it holds.
 */
export function isSameSeal(one: string, other: string): boolean {
  return one.slice(one.lastIndexOf('.')) === other.slice(other.lastIndexOf('.'));
}

/** The place of a destination's settings: what is sealed there opens nowhere else. */
export function settingsPlace(destinationId: string): string {
  return `destination|${destinationId}|settings`;
}

/** The place of a notification's address and secret. */
export function notificationPlace(notificationId: string): string {
  return `notification|${notificationId}|settings`;
}

/** Encrypts a JSON value for one place. @returns the text to store. */
export function seal(content: unknown, place: string, keyring: Keyring): string {
  const dataKey = randomBytes(32);
  const body = encrypt(dataKey, Buffer.from(JSON.stringify(content)), place);
  return [version, ...wrap(dataKey, place, keyring), body].join('.');
}

/**
 * Decrypts what `seal` made.
 * @throws SealError that says whether the text, the key, the place or a bit of it is wrong.
 */
export function open(sealed: string, place: string, keyring: Keyring): unknown {
  const { dataKey, body } = unwrap(sealed, place, keyring);
  return JSON.parse(decrypt(dataKey, body, place).toString());
}

/**
 * Wraps the data key with the keyring's current key; the content is neither decrypted nor encrypted again.
 * @returns the text to store, the same when nothing was to be done. @throws SealError like `open`.
 */
export function rewrap(sealed: string, place: string, keyring: Keyring): string {
  const { keyId, dataKey, body } = unwrap(sealed, place, keyring);
  if (keyId === keyring.current) return sealed;
  return [version, ...wrap(dataKey, place, keyring), body].join('.');
}

function wrap(dataKey: Buffer, place: string, keyring: Keyring): [string, string, string] {
  const id = keyring.current;
  return [id, placeTag(place), encrypt(keyOf(keyring, id), dataKey, `${place}|${id}`)];
}

function unwrap(sealed: string, place: string, keyring: Keyring) {
  const parts = sealed.split('.');
  const [form, id = '', tag = '', wrapped = '', body = ''] = parts;
  if (form !== version || parts.length !== 5) {
    throw new SealError(
      'malformed',
      `The sealed text is not in the form ${version} that this version reads.`,
    );
  }
  const key = keyOf(keyring, id);
  if (tag !== placeTag(place)) {
    throw new SealError('wrong_place', 'The text was sealed for another place than where it stands.');
  }
  return { keyId: id, dataKey: decrypt(key, wrapped, `${place}|${id}`), body };
}

function keyOf(keyring: Keyring, id: string): Buffer {
  const key = keyring.keys.get(id);
  if (key !== undefined) return key;
  throw new SealError(
    'unknown_key',
    `The text was sealed under the key ${JSON.stringify(id.slice(0, 16))}, which is neither REPRISE_SECRET_KEY nor one of REPRISE_OTHER_SECRET_KEYS; start with the key that sealed them.`,
  );
}

function encrypt(key: Buffer, plain: Buffer, boundTo: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(boundTo));
  const parts = [nonce, cipher.update(plain), cipher.final()];
  return Buffer.concat([...parts, cipher.getAuthTag()]).toString('base64url');
}

function decrypt(key: Buffer, text: string, boundTo: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  // Node skips what is not base64url and ignores spare bits; a changed character is a changed text all the same.
  if (bytes.length < nonceBytes + tagBytes || bytes.toString('base64url') !== text) throw damaged();
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(boundTo)).setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  } catch {
    throw damaged();
  }
}

function damaged(): SealError {
  return new SealError('damaged', 'The sealed text was changed after it was written.');
}

// Both are one-way and only tell apart; neither is a check of integrity, which the tags are.
function keyId(key: Buffer): string {
  return createHash('sha256').update('reprise key id').update(key).digest('base64url').slice(0, 8);
}

function placeTag(place: string): string {
  return createHash('sha256').update(place).digest('base64url').slice(0, 12);
}
