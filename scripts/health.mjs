// The health check of a container: exit code 0 when what runs in it answers. Plain Node, as the image has no curl.
//   node health.mjs                the API, or else the port on which a worker tells its metrics
//   node health.mjs 9464/metrics   each of these, on this machine
const { PORT = '4000', REPRISE_METRICS_PORT } = process.env;
const timeoutMs = 4_000;

const named = process.argv.slice(2);
const usual = [
  `${PORT || 4000}/healthz`,
  ...(REPRISE_METRICS_PORT ? [`${REPRISE_METRICS_PORT}/metrics`] : []),
];
const answers = await Promise.all((named.length > 0 ? named : usual).map(ask));
const healthy = named.length > 0 ? answers.every((one) => one.ok) : answers.some((one) => one.ok);
console.log(answers.map(({ address, said }) => `${address}: ${said}`).join('\n'));
process.exitCode = healthy ? 0 : 1;

async function ask(address) {
  try {
    const answer = await fetch(`http://127.0.0.1:${address}`, { signal: AbortSignal.timeout(timeoutMs) });
    await answer.arrayBuffer();
    return { address, ok: answer.ok, said: answer.status };
  } catch (error) {
    return { address, ok: false, said: error.cause?.code ?? error.message };
  }
}
