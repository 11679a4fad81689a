import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const secretBytes = 32;
/** Base62 digits that hold 32 bytes, and that hold a CRC-32. */
const secretDigits = 43;
const checkDigits = 6;
const pattern = new RegExp(
  `^(rpt_([0-9a-f]{32})_[0-9A-Za-z]{${secretDigits}})([0-9A-Za-z]{${checkDigits}})$`,
);

/**
 * Makes a token: `rpt_`, its id without dashes, `_`, 256 random bits and a CRC-32 of all before it, both in base62. The
 * prefix and the sum let a scanner tell a leaked token from text that looks like one, without asking anybody.
 */
export function makeToken(id: string): string {
  const secret = BigInt(`0x${randomBytes(secretBytes).toString('hex')}`);
  const unchecked = `rpt_${id.replaceAll('-', '')}_${base62(secret, secretDigits)}`;
  return unchecked + checkOf(unchecked);
}

/** The id that a token names; null: this is none of our tokens, or not a whole one. */
export function idOfToken(text: string): string | null {
  const [, unchecked, hex, check] = pattern.exec(text) ?? [];
  if (unchecked === undefined || hex === undefined || check !== checkOf(unchecked)) return null;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** What is stored of a token: SHA-256 is enough for 256 random bits. */
export function hashOfToken(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const checkOf = (unchecked: string) => base62(BigInt(crc32(unchecked)), checkDigits);

function base62(value: bigint, digits: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = alphabet[Number(rest % 62n)] + text;
  return text.padStart(digits, '0');
}
