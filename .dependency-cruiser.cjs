// Imports point inward (ARCHITECTURE.md, "Import rule"). Type-only imports are erased before the check, so they are free.
const owns = (pkg, ...folders) => ({
  name: `only-${folders.join('-')}-imports-${pkg}`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/(${folders.join('|')})(/|\\.ts$)` },
  to: { path: `node_modules/${pkg}/` },
});
const folder = (name, ...may) => ({
  name: `${name}-imports-only-${may.join('-') || 'itself'}`,
  severity: 'error',
  from: { path: `^src/${name}/` },
  to: { path: '^src/', pathNot: `^src/(${[name, ...may].join('|')})(/|\\.ts$)` },
});
const outside = '^(src|node_modules)/'; // what is neither ours nor npm is a Node builtin
const inner = ['core', 'db', 'destinations', 'temporal', 'metrics', 'tracing'];
module.exports = {
  forbidden: [
    folder('core'),
    folder('db', 'core'),
    folder('metrics'),
    folder('tracing'),
    folder('destinations', 'core', 'version'),
    folder('workflows', 'core'),
    folder('temporal', 'core', 'workflows', 'config'),
    folder('activities', ...inner),
    folder('api', ...inner, 'config', 'child-process', 'log', 'version'),
    folder('workers', ...inner, 'activities', 'workflows', 'config', 'child-process', 'log', 'version'),
    // The command line knows the API by HTTP alone; what it does on this machine itself is in a folder of its own.
    {
      name: 'cli-imports-only-core-config',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '^src/cli/local/' },
      to: { path: '^src/', pathNot: '^src/(cli|core|config)(/|\\.ts$)' },
    },
    folder('cli/local', 'cli', 'core', 'db', 'destinations', 'temporal', 'config', 'child-process'),
    owns('commander', 'cli'),
    owns('prom-client', 'metrics'),
    owns('@opentelemetry', 'tracing'),
    owns('pg', 'db', 'dev'),
    owns('express', 'api', 'dev'),
    owns('csv-parse', 'api'),
    owns('undici', 'destinations', 'dev'),
    owns('@temporalio/worker', 'workers', 'temporal'),
    owns('@temporalio/client', 'temporal'),
    owns('@temporalio/activity', 'activities'),
    owns('@segment/action-destinations', 'destinations'),
    owns('@segment/actions-core', 'destinations'),
    owns('liquidjs', 'destinations'),
    owns('zod', 'core', 'config', 'api', 'destinations', 'dev'),
    {
      name: 'workflows-and-core-reach-no-node',
      severity: 'error',
      from: { path: '^src/(workflows|core)/' },
      to: { pathNot: outside, reachable: true },
    },
    {
      name: 'no-zod-in-the-workflow-bundle',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: { path: 'node_modules/zod/', reachable: true },
    },
    {
      name: 'workflows-use-only-the-workflow-sdk',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: { path: 'node_modules/', pathNot: 'node_modules/@temporalio/(workflow|common)/' },
    },
    {
      name: 'outside-sees-only-workflow-messages',
      severity: 'error',
      from: { path: '^src/(api|temporal|activities)/' },
      to: { path: '^src/workflows/', pathNot: 'messages\\.ts$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nothing-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: false,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
