// `npm run compat -- --client "<command>"`: whether an SDK and a running Reprise understand one another. The command
// speaks the contract of the e2e-cli folders in Segment's SDK repositories: `--input <JSON>`, and JSON on stdout.
//   --url     of the server, http://localhost:4000 unless given
//   --token   of its admin, as .reprise/admin-token has it unless given
//   --json    prints one JSON object per scenario instead of text
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openAdmin } from './admin.ts';
import { runScenario } from './run-scenario.ts';
import { scenarios } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    client: { type: 'string' },
    url: { type: 'string', default: 'http://localhost:4000' },
    token: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
if (values.client === undefined) {
  console.error('Which client? npm run compat -- --client "node path/to/cli.js"');
  process.exit(2);
}
const { client, url } = values;
const admin = openAdmin(url, values.token ?? readFileSync('.reprise/admin-token', 'utf8').trim());
let failed = 0;
for (const scenario of scenarios) {
  const problem = await runScenario(scenario, { admin, url, client });
  if (problem !== null) failed += 1;
  console.log(
    values.json ? JSON.stringify({ scenario: scenario.name, problem }) : line(scenario.name, problem),
  );
}
if (!values.json) console.log(`\n${scenarios.length - failed} of ${scenarios.length} scenarios passed`);
process.exitCode = failed === 0 ? 0 : 1;

function line(name: string, problem: string | null): string {
  return problem === null ? `passed  ${name}` : `FAILED  ${name}: ${problem}`;
}
