import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** How destinations see who calls. */
export const userAgent = `reprise/${manifest.version}`;
