/** A transparent image of one pixel. */
export const pixelImage = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

/**
 * The event in a pixel's address: its JSON in base64, of either alphabet. In an address a `+` that was not escaped reads
 * as a space.
 */
export function pixelBody(query: URLSearchParams): Buffer {
  return Buffer.from((query.get('data') ?? '').replaceAll(' ', '+'), 'base64');
}
