import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { scriptSettings, type ApiAddress } from './browser-settings.ts';

/** A script as it goes to a browser. */
export interface Script {
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

/** Segment's browser client, analytics.js 2 (MIT), as it is, served from here: a page needs no other server. */
export interface BrowserClient {
  /**
   * The script that a page loads: the client, told its write key, where it came from, which it could find out by itself
   * only under https (its parse-cdn.ts), and its settings, which ad blockers keep it from asking for.
   * @param address of this server as the browser knows it
   */
  script(writeKey: string, address: ApiAddress): Script;
  /** A part that the client loads when it needs it; null when it has none of that name. */
  bundle(name: string): Script | null;
}

const remembered = 200;

/** Reads the client's files, once for a process. */
export function openBrowserClient(): BrowserClient {
  const home = dirname(createRequire(import.meta.url).resolve('@segment/analytics-next/package.json'));
  const folder = join(home, 'dist', 'umd');
  const client = readFileSync(join(folder, 'standalone.js'), 'utf8');
  const names = readdirSync(folder).filter((name) => /\.bundle\.\w+\.js$/.test(name));
  const bundles = new Map(names.map((name) => [name, packed(readFileSync(join(folder, name)))]));
  const scripts = new Map<string, Script>();
  return {
    bundle: (name) => bundles.get(name) ?? null,
    script: (writeKey, address) => {
      const id = JSON.stringify([writeKey, address.protocol, address.home]);
      const known = scripts.get(id);
      if (known !== undefined) return known;
      const made = packed(Buffer.from(scriptOf(client, writeKey, address)));
      if (scripts.size >= remembered) scripts.clear(); // addresses are what a request says: there may be any number
      scripts.set(id, made);
      return made;
    },
  };
}

/** Where the client starts; given settings, it asks for none. */
const start = /\.load\(\{writeKey:(\w+)\},/;

/**
 * The client looks for its key where it was built with a placeholder, for its home in the page's own object, and takes
 * settings where it is loaded (AnalyticsBrowser.load), which its own start of a script does not pass on.
 */
function scriptOf(client: string, writeKey: string, address: ApiAddress): string {
  const home = JSON.stringify(`${address.protocol}://${address.home}`);
  const settings = JSON.stringify(scriptSettings(writeKey, address));
  const prelude =
    '(function(){var s=document.querySelector("script[data-global-segment-analytics-key]"),' +
    'k=s?s.getAttribute("data-global-segment-analytics-key"):"analytics",a=window[k]=window[k]||[];' +
    `if(!a._cdn)a._cdn=${home}})();\n`;
  if (!start.test(client)) throw new Error('The browser client starts in another way than it did');
  const told = client
    .replace(start, (_, key: string) => `.load({writeKey:${key},cdnSettings:${settings}},`)
    .replace('"__WRITE_KEY__"', () => JSON.stringify(writeKey));
  return prelude + told;
}

function packed(plain: Buffer): Script {
  return { plain, gzip: gzipSync(plain, { level: 9 }) };
}
