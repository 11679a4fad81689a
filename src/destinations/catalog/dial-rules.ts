import type { SettingsProblem } from '../definition.ts';
import type { EgressAllow, Ports } from '../egress-address.ts';
import { bareHostProblem } from '../egress-url.ts';
import type { DescribedDefinition } from './document.ts';
import type { DialRule } from './job-dials.ts';

/** Clients that dial by themselves, with the ports that their servers usually have beside those of HTTP. */
const clients: readonly (readonly [client: RegExp, ports: Ports])[] = [
  [/^@aws-sdk\/client-/, []],
  // Brokers have 9092 and its neighbours, which are among the ports of HTTP; hosted ones have one of these each.
  [/^kafkajs$/, [[10_000, 29_999]]],
  [
    /^ssh2/,
    [
      [22, 22],
      [2_222, 2_222],
    ],
  ],
];

/** How a definition may dial by itself; null: it does not, and all its requests are made by the shared client. */
export function dialRuleOf(
  { connections }: Pick<DescribedDefinition, 'connections'>,
  egress: EgressAllow,
): DialRule | null {
  const used = clients.filter(([client]) => connections.by.some((name) => client.test(name)));
  return used.length === 0 ? null : { egress, ports: used.flatMap(([, ports]) => ports) };
}

type Settings = Readonly<Record<string, unknown>>;

/** Settings that say where a definition dials, and how they are read. They are no secrets. */
const addressSettings: Readonly<
  Record<string, (value: string, settings: Settings) => readonly (readonly [host: string, port: number])[]>
> = {
  sftp_host: (host, { sftp_port: port }) => [[host, Number(port ?? 22)]],
  brokers: (list) =>
    list.split(',').map((broker) => {
      const [, host = broker, port] = /^\s*(.*):(\d+)\s*$/.exec(broker) ?? [];
      return [host.replaceAll(/^\[|\]$/g, ''), Number(port ?? 9_092)];
    }),
};

/** Settings without those that say where a definition dials: nothing in them has to be hidden. */
export function withoutAddresses(
  document: Pick<DescribedDefinition, 'connections'>,
  settings: Settings,
): Settings {
  if (dialRuleOf(document, []) === null) return settings;
  const isAddress = (name: string) => name in addressSettings || /region$/i.test(name);
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !isAddress(name)));
}

/** Settings that say where a definition dials, and may not be dialled; as with URLs, names are checked at each dial. */
export function dialProblems(
  document: Pick<DescribedDefinition, 'connections'>,
  settings: Settings,
  egress: EgressAllow,
): SettingsProblem[] {
  const rule = dialRuleOf(document, egress);
  if (rule === null) return [];
  return Object.entries(addressSettings).flatMap(([name, addressesIn]) => {
    const value = settings[name];
    if (typeof value !== 'string') return [];
    const problems = addressesIn(value, settings).map(([host, port]) =>
      bareHostProblem(host, port, egress, rule.ports),
    );
    const problem = problems.find((one) => one !== null);
    return problem === undefined ? [] : [{ path: [name], problem }];
  });
}
