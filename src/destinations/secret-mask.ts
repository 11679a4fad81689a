const mask = '[secret]';
/** Shorter values are words like `true`: masking them would hide the text and no secret. */
const shortest = 6;

/**
 * Replaces every known secret value in free text (an error's message, an answer's start), also where it stands URL- or
 * JSON-encoded, and at the text's end also the beginning of one, as a text may have been cut inside it.
 */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  const forms = new Set(secrets.filter((secret) => secret.length >= shortest).flatMap(formsOf));
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const masked = longestFirst.reduce((rest, form) => rest.replaceAll(form, mask), text);
  return withoutCutSecret(masked, longestFirst);
}

function formsOf(secret: string): string[] {
  const wellFormed = secret.toWellFormed();
  return [secret, encodeURIComponent(wellFormed), JSON.stringify(secret).slice(1, -1)];
}

function withoutCutSecret(text: string, forms: readonly string[]): string {
  for (const form of forms) {
    for (let length = form.length - 1; length >= shortest; length -= 1) {
      if (text.endsWith(form.slice(0, length))) return text.slice(0, -length) + mask;
    }
  }
  return text;
}
