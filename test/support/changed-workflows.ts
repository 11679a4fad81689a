// Workflows that do something else first than those they stand for: no history of the real ones fits them.
import { sleep } from '@temporalio/workflow';
import * as real from '../../src/workflows/index.ts';

export const fanOut = changed(real.fanOut);
export const replay = changed(real.replay);
export const stream = changed(real.stream);
export const watchFanOut = changed(real.watchFanOut);

function changed<Input extends unknown[]>(workflow: (...input: Input) => Promise<void>) {
  return async (...input: Input) => {
    await sleep('1s');
    await workflow(...input);
  };
}
