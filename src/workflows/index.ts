// What Temporal's bundler finds: every exported function here is a workflow.
export { fanOut, watchFanOut } from './fan-out.ts';
export { replay } from './replay.ts';
export { stream } from './stream.ts';
