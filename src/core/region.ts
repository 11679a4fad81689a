/**
 * The name that people give to where data is kept: lower-case letters and digits in parts with hyphens between, as `eu`,
 * `us-east-1`. Names mean nothing to Reprise but whether two are the same.
 */
export const regionName = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
/** The longest name, in characters. */
export const longestRegionName = 63;

/** Why a text is no name of a region, for a person. */
export const regionRemedy =
  'A region is named by lower-case letters and digits, with single hyphens between: eu, us-east-1.';

/** Whether data would leave its region. Where either is not stated, nobody knows, and nothing is said. */
export function leavesRegion(from: string | null, to: string | null): boolean {
  return from !== null && to !== null && from !== to;
}
