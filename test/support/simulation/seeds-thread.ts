import { parentPort } from 'node:worker_threads';
import { liveSeeds } from '../lane-simulation.ts';
import type { Seeds } from './seeds.ts';

parentPort!.on('message', (seeds: Seeds) => parentPort!.postMessage(liveSeeds(seeds)));
