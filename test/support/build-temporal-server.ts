// The first half of `npm run topology`: builds the Temporal server that the Compose file names, unless it is there.
import { composed } from './temporal-cluster.ts';
import { buildServer } from './temporal-server-build.ts';

const version = composed['temporal']?.image.split(':')[1] ?? '';
const built = await buildServer(version);
if (typeof built === 'string') {
  console.error(`The topology cannot be run: ${built}`);
  process.exitCode = 1;
}
