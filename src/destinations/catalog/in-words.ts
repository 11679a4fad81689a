/** A name or value as its words in small letters: `removeUser`, `REMOVE_USER` -> `remove user`. */
export function inWords(text: string): string {
  return text
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/[^A-Za-z\d]+/g, ' ')
    .toLowerCase();
}
