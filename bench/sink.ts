import { createServer } from 'node:http';

// A destination that takes everything at once: answers 200 and counts. Its own process, so that it shares no event
// loop with what is measured.
let requests = 0;
const server = createServer((request, response) => {
  if (request.url === '/count') {
    response.end(String(requests));
    return;
  }
  request.resume();
  request.on('end', () => {
    requests++;
    response.writeHead(200, { 'content-length': '2' });
    response.end('ok');
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('disconnect', () => process.exit(0));
