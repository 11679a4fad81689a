import type { SealedText } from '../db/sealed-texts.ts';
import { notificationPlace, settingsPlace } from '../destinations/secrets.ts';

/** The place of a kept answer: what is sealed there opens nowhere else. */
export function answerPlace(route: string, key: string): string {
  return `idempotency|${route}|${key}`;
}

/** The place to which a sealed text is bound. */
export function placeOf({ kind, row }: Pick<SealedText, 'kind' | 'row'>): string {
  const [first = '', second = ''] = row;
  switch (kind) {
    case 'destination':
      return settingsPlace(first);
    case 'idempotency_key':
      return answerPlace(first, second);
    case 'notification':
      return notificationPlace(first);
  }
}
