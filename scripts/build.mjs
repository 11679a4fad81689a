// `npm run build`: makes dist/, which runs on Node alone. Beside the compiled modules it holds the workflows as one file,
// so that no orchestration worker has to bundle them when it starts.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const quiet = { trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error, log() {} };

rmSync(dist, { recursive: true, force: true }); // a module that is gone from src must not stay here
const compiler = join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
const { code } = await bundleWorkflowCode({ workflowsPath: join(dist, 'workflows'), logger: quiet });
writeFileSync(join(dist, 'workflow-bundle.js'), code);
