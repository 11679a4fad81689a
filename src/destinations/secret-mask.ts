const shown = '[secret]';
/** Shorter values are words like `true`: masking them in free text would hide the text and no secret. */
const shortest = 6;

/** Hides the secrets of one destination. */
export interface SecretMask {
  /**
   * Free text (an error's message, an answer's start) without any known secret, also where it stands URL- or
   * JSON-encoded, or inside something that stands there in base64. @param isCut the text was cut off, so that it may end in the beginning of a secret
   */
  text(text: string, isCut: boolean): string;
  /** A header's value: hidden as a whole when it is a secret or its name says that it is one. */
  header(name: string, value: string): string;
  /** The same mask with more secrets. */
  with(more: readonly string[]): SecretMask;
}

/** Names of headers whose values are nobody's business, whoever set them. */
const secretName = /auth|cookie|signature|token|secret|password|credential|session|api-?key|^x-.*-key$/;

/** Whether a header's name says that its value is a secret. */
export function namesSecret(name: string): boolean {
  return secretName.test(name.toLowerCase());
}

/** Makes the mask of these secrets. */
export function secretMask(secrets: readonly string[]): SecretMask {
  return maskOf(new Set(secrets.filter((secret) => secret !== '')), formsOf(secrets));
}

function maskOf(whole: ReadonlySet<string>, forms: readonly string[]): SecretMask {
  const longestFirst = forms.toSorted((a, b) => b.length - a.length);
  const text = (value: string, isCut: boolean) => {
    const masked = longestFirst.reduce((rest, form) => rest.replaceAll(form, shown), value);
    return isCut ? withoutCutSecret(masked, longestFirst) : masked;
  };
  return {
    text,
    header: (name, value) => (namesSecret(name) || whole.has(value) ? shown : text(value, false)),
    with: (more) => maskOf(whole, [...forms, ...formsOf(more)]),
  };
}

/**
 * Each as it is, in a URL, in a form, in JSON, in JSON within JSON and in JSON by writers that escape the slash; and each of
 * these in base64, as of a request's whole address.
 */
function formsOf(secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((secret) => {
    if (secret.length < shortest) return [];
    const inForm = new URLSearchParams([['', secret]]).toString().slice(1);
    const json = JSON.stringify(secret).slice(1, -1);
    const twice = JSON.stringify(json).slice(1, -1);
    const escaped = json.replaceAll('/', String.raw`\/`);
    const written = [secret, encodeURIComponent(secret.toWellFormed()), inForm, json, twice, escaped];
    return [...written, ...[...new Set(written)].flatMap(inBase64)];
  });
  return [...new Set(forms)];
}

/**
 * How a secret stands in base64 of either alphabet: alone, and behind so many bytes that one, two or none are left over
 * (`user:secret`). There, the characters that it shares with its neighbours are not known, and stay.
 */
function inBase64(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const within = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64url');
    const shared = (before + bytes.length) % 3 === 0 ? 0 : 1;
    return text.slice(before === 0 ? 0 : before + 1, text.length - shared);
  });
  const urlSafe = [bytes.toString('base64url'), ...within];
  const usual = urlSafe.map((text) => text.replaceAll('-', '+').replaceAll('_', '/'));
  return [
    bytes.toString('base64'),
    ...urlSafe,
    ...usual,
    ...usual.map((text) => text.replaceAll('/', String.raw`\/`)),
  ];
}

function withoutCutSecret(text: string, forms: readonly string[]): string {
  for (const form of forms) {
    // Most texts end otherwise, which one look tells.
    if (!text.includes(form.slice(0, shortest), text.length - form.length + 1)) continue;
    for (let length = form.length - 1; length >= shortest; length -= 1) {
      if (text.endsWith(form.slice(0, length))) return text.slice(0, -length) + shown;
    }
  }
  return text;
}
