/**
 * One-dimensional Postgres arrays in their binary form, which `pg` passes through when a parameter is a Buffer. Text
 * goes from the request's bytes to the table without becoming a JavaScript string, and nothing is quoted: an append
 * of 500 events costs half the time it takes with array literals.
 *
 * The form (array_recv in Postgres' arrayfuncs.c): dimensions, whether there are nulls, element type, length, lower
 * bound; then each element as its length (-1: null) and its bytes. All integers are big-endian int32.
 */
const headerSize = 20;
const lengthSize = 4;
const absent = -1;

/** Element type ids, from pg_type. */
const oids = { bool: 16, bytea: 17, int4: 23, text: 25, timestamptz: 1184, uuid: 2950 } as const;

/** `text[]`; bytes must be UTF-8 without NUL, strings without NUL and lone surrogates. */
export function textArray(values: readonly (string | Uint8Array | null)[]): Buffer {
  return arrayOfLengths(oids.text, values);
}

/** `bytea[]` */
export function bytesArray(values: readonly Uint8Array[]): Buffer {
  return arrayOfLengths(oids.bytea, values);
}

/** `timestamptz[]`, to the millisecond. */
export function timeArray(values: readonly (Date | null)[]): Buffer {
  const epoch = Date.UTC(2000, 0, 1);
  return fixedArray(oids.timestamptz, 8, values, (buffer, at, value) => {
    const microseconds = (value.getTime() - epoch) * 1_000;
    const high = Math.floor(microseconds / 2 ** 32);
    buffer.writeInt32BE(high, at);
    buffer.writeUInt32BE(microseconds - high * 2 ** 32, at + 4);
  });
}

/** `uuid[]` of 32 hex digits each. */
export function uuidArray(values: readonly string[]): Buffer {
  return fixedArray(oids.uuid, 16, values, (buffer, at, value) => void buffer.write(value, at, 'hex'));
}

/** `integer[]` */
export function integerArray(values: readonly number[]): Buffer {
  return fixedArray(oids.int4, 4, values, (buffer, at, value) => void buffer.writeInt32BE(value, at));
}

/** `boolean[]` */
export function booleanArray(values: readonly boolean[]): Buffer {
  return fixedArray(oids.bool, 1, values, (buffer, at, value) => void buffer.writeUInt8(value ? 1 : 0, at));
}

function arrayOfLengths(oid: number, values: readonly (string | Uint8Array | null)[]): Buffer {
  let size = headerSize;
  for (const value of values) {
    size +=
      lengthSize + (value === null ? 0 : typeof value === 'string' ? Buffer.byteLength(value) : value.length);
  }
  const buffer = Buffer.allocUnsafe(size);
  let at = writeHeader(buffer, oid, values);
  for (const value of values) {
    let length = absent;
    if (typeof value === 'string') length = buffer.write(value, at + lengthSize);
    else if (value !== null) {
      buffer.set(value, at + lengthSize);
      length = value.length;
    }
    buffer.writeInt32BE(length, at);
    at += lengthSize + Math.max(length, 0);
  }
  return buffer;
}

function fixedArray<T>(
  oid: number,
  size: number,
  values: readonly (T | null)[],
  write: (buffer: Buffer, at: number, value: T) => void,
): Buffer {
  const buffer = Buffer.allocUnsafe(headerSize + values.length * (lengthSize + size));
  let at = writeHeader(buffer, oid, values);
  for (const value of values) {
    buffer.writeInt32BE(value === null ? absent : size, at);
    at += lengthSize;
    if (value === null) continue;
    write(buffer, at, value);
    at += size;
  }
  return buffer.subarray(0, at);
}

function writeHeader(buffer: Buffer, oid: number, values: readonly unknown[]): number {
  [1, values.includes(null) ? 1 : 0, oid, values.length, 1].forEach((value, index) => {
    buffer.writeInt32BE(value, index * 4);
  });
  return headerSize;
}
