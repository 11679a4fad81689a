import { version } from '../version.ts';

/** How destinations see who calls. */
export const userAgent = `reprise/${version}`;
