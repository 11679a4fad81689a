import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** What the code of a definition tells without being run. */
export interface CodeFacts {
  readonly connectsBy: readonly string[];
  readonly environment: readonly string[];
  readonly features: readonly string[];
  readonly multiStatus: boolean;
}

/** Packages that open connections of their own. `https` is not among them: it only makes agents for the shared client. */
const connecting = /^(@aws-sdk\/client-.*|kafkajs|ssh2-sftp-client|node:net|net|tls|dgram)$/;
const requires = /require\(["']([^"']+)["']\)/g;
const environment = /process\.env(?:\.(\w+)|\[["'](\w+)["']\])/g;
/** Set by the platform it runs on, not by whoever sets up a destination. */
const ofThePlatform = new Set(['NODE_ENV', 'AWS_REGION', 'AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE']);
const flagNames = /\b\w*FLAG\w*\s*=\s*["']([^"']+)["']/g;
const flagUses = /features\??(?:\.)?\[["']([^"']+)["']\]/g;

/** Reads a definition's file and all that it requires by a relative path. */
export function scanCode(file: string): CodeFacts {
  const texts = [...filesFrom(file, new Set())].map((path) => readFileSync(path, 'utf8'));
  const found = (pattern: RegExp) =>
    texts.flatMap((text) => [...text.matchAll(pattern)].map(([, first, second]) => first ?? second ?? ''));
  const own = texts.some((text) => /createRequestClient\)?\(/.test(text)) ? ['createRequestClient'] : [];
  return {
    connectsBy: sorted([...found(requires).filter((name) => connecting.test(name)), ...own]),
    environment: sorted(found(environment).filter((name) => !ofThePlatform.has(name))),
    features: sorted([...found(flagUses), ...found(flagNames)]),
    multiStatus: texts.some((text) => text.includes('MultiStatusResponse(')),
  };
}

function filesFrom(file: string, seen: Set<string>): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const { resolve } = createRequire(file);
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(requires)) {
    if (name.startsWith('.')) filesFrom(resolve(name), seen);
  }
  return seen;
}

const sorted = (names: readonly string[]) => [...new Set(names)].toSorted();
