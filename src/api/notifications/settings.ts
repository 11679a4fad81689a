import { notificationPlace, open, seal, SealError, type Keyring } from '../../destinations/secrets.ts';
import type { NotificationSettings } from '../../destinations/notification-sender.ts';

/** For one whole request to a receiver; milliseconds. */
export const requestDeadlineMs = 10_000;

/** Address and secret as they are stored for one notification. */
export function sealNotification(settings: NotificationSettings, id: string, keyring: Keyring): string {
  return seal(settings, notificationPlace(id), keyring);
}

/** Reads stored settings; null when this server's key does not open them. */
export function openNotification(sealed: string, id: string, keyring: Keyring): NotificationSettings | null {
  try {
    return open(sealed, notificationPlace(id), keyring) as NotificationSettings;
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}
