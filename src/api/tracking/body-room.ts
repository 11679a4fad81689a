/** What one request's body holds of the memory that all bodies share. */
export interface BodyShare {
  /** Counts so many bytes more until the share is given back; false: there is no room for them. */
  readonly take: (bytes: number) => boolean;
  /** Gives all of it back; once more changes nothing. */
  readonly release: () => void;
}

/**
 * Bounds what all bodies hold that are being received, inflated or looked at, however many requests come at once and
 * however long they stay.
 * @param free how many bytes there would be if no body held any; asked each time
 */
export function openBodyRoom(free: () => number): { readonly open: () => BodyShare } {
  let held = 0;
  return {
    open: () => {
      let own = 0;
      return {
        take: (bytes) => {
          if (held + bytes > free()) return false;
          held += bytes;
          own += bytes;
          return true;
        },
        release: () => {
          held -= own;
          own = 0;
        },
      };
    },
  };
}
