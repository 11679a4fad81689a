import { z } from 'zod';
import { samplerNames } from './tracing/sampler-names.ts';
import { longestRegionName, regionName, regionRemedy } from './core/region.ts';

const flagOff = z.literal('').transform(() => undefined);
const optional = <T extends z.ZodType>(schema: T) => z.union([flagOff, schema]).optional();
const isSecretKey = (text: string) => Buffer.from(text, 'base64').length === 32;
const port = z.coerce.number().int().min(0).max(65_535);

/** Every environment variable that Reprise reads, all optional; docs/deployment.md has the meaning of each. */
const Environment = z.object({
  PORT: optional(port).transform((value) => value ?? 4000),
  REPRISE_HOST: optional(z.string()).transform((value) => value ?? '127.0.0.1'),
  /** Where clients reach the tracking API when a proxy stands before it. */
  REPRISE_PUBLIC_URL: optional(z.url({ protocol: /^https?$/ })),
  REPRISE_DATA_DIR: optional(z.string()).transform((value) => value ?? '.reprise'),
  DATABASE_URL: optional(
    z.url({ protocol: /^postgres(ql)?$/, error: 'expected postgres://user:password@host:port/database' }),
  ),
  TEMPORAL_ADDRESS: optional(z.string().regex(/^[^\s:/]+:\d+$|^\[[^\]]+\]:\d+$/, 'expected host:port')),
  TEMPORAL_NAMESPACE: optional(z.string()).transform((value) => value ?? 'default'),
  TEMPORAL_CLI: optional(z.string()),
  /** Where the system keeps a user's cached files (freedesktop.org, base directories); the Temporal CLI is put there. */
  XDG_CACHE_HOME: optional(z.string().startsWith('/', 'expected an absolute path')),
  TEMPORAL_UI_PORT: optional(port).transform((value) => value ?? 8233),
  /** Where people see Temporal's UI, for the links in answers; set by `npm start`. */
  TEMPORAL_UI_URL: optional(z.url()),
  REPRISE_WORKERS: optional(z.coerce.number().int().min(0).max(64)).transform((value) => value ?? 2),
  REPRISE_ADMIN_TOKEN: optional(z.string().min(16, 'at least 16 characters')),
  /** Requests a second that a token may make of the admin API, in each API process; 0: any number. */
  REPRISE_API_RATE: optional(z.coerce.number().int().min(0).max(1_000_000)).transform(
    (value) => value ?? 1_000,
  ),
  REPRISE_SECRET_KEY: optional(z.string().refine(isSecretKey, 'expected 32 bytes in base64')),
  /** Secret keys that open what was sealed with them, and seal nothing: while the key is changed. */
  REPRISE_OTHER_SECRET_KEYS: optional(z.string())
    .transform((value) => (value ?? '').split(',').map((key) => key.trim()))
    .transform((keys) => keys.filter((key) => key !== ''))
    .refine((keys) => keys.every(isSecretKey), 'expected keys of 32 bytes in base64, with commas between'),
  /** Ids of secret keys that are lost for good: what they sealed is given up. */
  REPRISE_LOST_SECRET_KEYS: optional(z.string())
    .transform((value) => (value ?? '').split(',').map((id) => id.trim()))
    .transform((ids) => ids.filter((id) => id !== '')),
  /** A folder of destination definitions of this deployment's own (docs/own-destinations.md). */
  REPRISE_DESTINATIONS: optional(z.string()),
  REPRISE_EGRESS_ALLOW: optional(z.string())
    .transform((value) => (value ?? '').split(',').map((part) => part.trim()))
    .transform((parts) => parts.filter((part) => part !== '')),
  REPRISE_SEED_EVENTS: optional(z.coerce.number().int().min(0).max(50_000_000)).transform(
    (value) => value ?? 50_000,
  ),
  /** What becomes of events of suppressed users, of sources made from now on, until they are changed. */
  REPRISE_SUPPRESSED_USERS: optional(z.enum(['archive', 'refuse'])).transform((value) => value ?? 'archive'),
  /** How long a messageId that came once is known, so that it is not stored again; days. */
  REPRISE_DEDUPE_DAYS: optional(z.coerce.number().int().min(1).max(36_500)).transform((value) => value ?? 90),
  /** Where this deployment keeps its data, as people name it; absent: not stated. */
  REPRISE_REGION: optional(z.string().max(longestRegionName).regex(regionName, regionRemedy)),
  /** Traces are sent where a collector is named; the exporter itself reads this and what else there is of its kind. */
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(z.url({ protocol: /^https?$/ })),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: optional(z.url({ protocol: /^https?$/ })),
  OTEL_SDK_DISABLED: optional(z.enum(['true', 'false'])),
  OTEL_SERVICE_NAME: optional(z.string()).transform((value) => value ?? 'reprise'),
  OTEL_TRACES_SAMPLER: optional(z.enum(samplerNames)).transform((value) => value ?? 'parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: optional(z.coerce.number().min(0).max(1)).transform((value) => value ?? 1),
  /** Where a process tells what it counts, beside the API's `/metrics`: the first free port from this one on; 0: any. */
  REPRISE_METRICS_PORT: optional(port),
  REPRISE_LOG_LEVEL: optional(z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])).transform(
    (value) => value ?? 'info',
  ),
});

export type Config = z.infer<typeof Environment>;

/** What the command line reads of the environment; all else of it is for the processes that it starts. */
const CommandLineEnvironment = z.object({
  REPRISE_API_URL: optional(z.string()),
  REPRISE_TOKEN: optional(z.string()),
  REPRISE_ADMIN_TOKEN: optional(z.string()),
  REPRISE_DATA_DIR: optional(z.string()).transform((value) => value ?? '.reprise'),
  /** Where the system keeps a user's settings (freedesktop.org, base directories). */
  XDG_CONFIG_HOME: optional(z.string().startsWith('/', 'expected an absolute path')),
  TERM: optional(z.string()),
});

export type CommandLineConfig = z.infer<typeof CommandLineEnvironment>;

/** The names of all variables that are read here: those of the processes, and those of the command line. */
export const variableNames = {
  processes: Object.keys(Environment.shape),
  commandLine: Object.keys(CommandLineEnvironment.shape),
} as const;

/** Reads what the command line needs. @throws ConfigError that names every bad variable */
export function readCommandLineConfig(
  environment: Record<string, string | undefined> = process.env,
): CommandLineConfig {
  return parsed(CommandLineEnvironment, environment);
}

/**
 * The environment for a child process: that of this one, without the variables whose names `dropped` matches, and with
 * these settings on top.
 */
export function environmentWith(settings: Record<string, string>, dropped = /^$/): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !dropped.test(name));
  return { ...Object.fromEntries(inherited), ...settings };
}

/** A configuration that cannot be used; the message lists every fault with its variable and the remedy. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the environment once, at a process's start.
 * @throws ConfigError that names every bad variable, so that one restart mends all.
 */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  return parsed(Environment, environment);
}

function parsed<T>(schema: z.ZodType<T>, environment: Record<string, string | undefined>): T {
  const result = schema.safeParse(environment);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `  ${issue.path.join('.')}: ${faultOf(issue)}`);
  throw new ConfigError(`The environment has values that Reprise cannot use:\n${faults.join('\n')}`);
}

/** Of a variable that may also be empty, zod says no more than that nothing fits: what it expects is in the other branch. */
function faultOf(issue: z.core.$ZodIssue): string {
  const [inner] = issue.code === 'invalid_union' ? (issue.errors.at(-1) ?? []) : [issue];
  return (inner ?? issue).message.replace(/^Invalid (input|option): /, '');
}

/** How this process traces, by the variables that OpenTelemetry has for it. */
export function tracingOf(config: Config) {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT ?? config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  return {
    on: endpoint !== undefined && config.OTEL_SDK_DISABLED !== 'true',
    service: config.OTEL_SERVICE_NAME,
    sampler: config.OTEL_TRACES_SAMPLER,
    samplerArgument: config.OTEL_TRACES_SAMPLER_ARG,
  };
}

/** How long a source's messageIds are remembered, as a Postgres interval. */
export function dedupeWindowOf(config: Pick<Config, 'REPRISE_DEDUPE_DAYS'>): string {
  return `${config.REPRISE_DEDUPE_DAYS} days`;
}

/** The value of a variable that this process cannot run without. @throws ConfigError that says how to set it. */
export function required<K extends keyof Config>(config: Config, name: K): NonNullable<Config[K]> {
  const value = config[name];
  if (value === undefined || value === null) {
    throw new ConfigError(
      `${name} is not set. \`npm start\` sets it; a process started by hand needs it in its environment.`,
    );
  }
  return value;
}
