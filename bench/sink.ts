import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

// A destination that takes everything: answers 200, at once or after some milliseconds. Its own process, so that it
// shares no event loop with what is measured.
//   node bench/sink.ts [delayMs]
// With SINK_KEY and SINK_CERT it speaks TLS.
const delayMs = Number(process.argv[2] ?? 0);
const answerAll: RequestListener = (request, response) => {
  const answer = () => {
    response.writeHead(200, { 'content-length': '2' });
    response.end('ok');
  };
  request.resume();
  request.on('end', delayMs === 0 ? answer : () => setTimeout(answer, delayMs));
};
const { SINK_KEY: key, SINK_CERT: cert } = process.env;
const server =
  key === undefined ? createServer(answerAll) : createTlsServer({ key, cert: cert ?? '' }, answerAll);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('disconnect', () => process.exit(0));
