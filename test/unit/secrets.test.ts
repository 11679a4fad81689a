import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  createKeyring,
  open,
  rewrap,
  seal,
  SealError,
  settingsPlace,
  type SealFault,
} from '../../src/destinations/secrets.ts';

const keyText = () => randomBytes(32).toString('base64');
const settings = {
  url: 'https://example.com/',
  secret: 'whsec_canary',
  headers: { 'x-api-key': 'canary ünï' },
};

function faultOf(work: () => unknown): SealFault | 'opened' {
  try {
    work();
    return 'opened';
  } catch (error) {
    expect(error).toBeInstanceOf(SealError);
    expect(String(error)).not.toContain('canary');
    return (error as SealError).fault;
  }
}

describe('sealed settings', () => {
  const keyring = createKeyring(keyText());
  const place = settingsPlace(randomUUID());
  const sealed = seal(settings, place, keyring);

  it('open where they were sealed', () => {
    expect(open(sealed, place, keyring)).toEqual(settings);
  });

  it('show nothing of themselves and differ each time', () => {
    expect(sealed).not.toContain('canary');
    expect(seal(settings, place, keyring)).not.toBe(sealed);
  });

  it('do not open in another place', () => {
    expect(faultOf(() => open(sealed, settingsPlace(randomUUID()), keyring))).toBe('wrong_place');
  });

  it('do not open in another place either when the place tag was swapped along', () => {
    const other = settingsPlace(randomUUID());
    const parts = sealed.split('.');
    parts[2] = seal({}, other, keyring).split('.')[2] ?? '';
    expect(faultOf(() => open(parts.join('.'), other, keyring))).toBe('damaged');
  });

  it('do not take the content of another row under their own data key', () => {
    const other = seal({ url: 'https://elsewhere.example/' }, settingsPlace(randomUUID()), keyring).split(
      '.',
    );
    const parts = sealed.split('.');
    parts[4] = other[4] ?? '';
    expect(faultOf(() => open(parts.join('.'), place, keyring))).toBe('damaged');
  });

  it('do not open with another key', () => {
    expect(faultOf(() => open(sealed, place, createKeyring(keyText())))).toBe('unknown_key');
  });

  it('notice every changed and every added character', () => {
    for (let index = 0; index < sealed.length; index += 1) {
      const [before, after] = [sealed.slice(0, index), sealed.slice(index + 1)];
      const texts = ['A', 'B', 'Q', 'g', 'w'].filter((other) => other !== sealed[index]);
      for (const text of [...texts, `!${sealed[index]}`]) {
        const changed = before + text + after;
        expect(
          faultOf(() => open(changed, place, keyring)),
          `${text} at ${index}`,
        ).not.toBe('opened');
      }
    }
  });

  it('notice every cut', () => {
    for (let length = 0; length < sealed.length; length += 1) {
      expect(faultOf(() => open(sealed.slice(0, length), place, keyring))).not.toBe('opened');
    }
  });

  it.each(['', 'sealed2.a.b.c.d', 'plain text', '{}'])('that are none are called malformed: %s', (text) => {
    expect(faultOf(() => open(text, place, keyring))).toBe('malformed');
  });
});

describe('a key rotation', () => {
  const [before, after] = [keyText(), keyText()];
  const old = createKeyring(before);
  const both = createKeyring(after, before);
  const place = settingsPlace(randomUUID());
  const sealed = seal(settings, place, old);
  const rewrapped = rewrap(sealed, place, both);

  it('opens old seals while the old key is known, and seals with the new one', () => {
    expect(open(sealed, place, both)).toEqual(settings);
    expect(faultOf(() => open(seal(settings, place, both), place, old))).toBe('unknown_key');
  });

  it('moves a seal to the new key without touching its content', () => {
    expect(open(rewrapped, place, createKeyring(after))).toEqual(settings);
    expect(faultOf(() => open(rewrapped, place, old))).toBe('unknown_key');
    expect(rewrapped.split('.')[4]).toBe(sealed.split('.')[4]);
  });

  it('changes nothing the second time', () => {
    expect(rewrap(rewrapped, place, both)).toBe(rewrapped);
  });

  it('does not move a seal that stands in the wrong place', () => {
    expect(faultOf(() => rewrap(sealed, settingsPlace(randomUUID()), both))).toBe('wrong_place');
  });
});

it('takes keys of 32 bytes only', () => {
  expect(() => createKeyring(randomBytes(16).toString('base64'))).toThrow('32 bytes');
});
