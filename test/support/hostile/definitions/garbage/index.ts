// A definition that has the child that runs it give garbage back, so that what is left is what it holds.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export default {
  name: 'Garbage',
  slug: 'garbage',
  mode: 'cloud',
  authentication: { scheme: 'custom', fields: {} },
  actions: {
    collect: {
      title: 'Collect',
      defaultSubscription: 'type = "track"',
      fields: {},
      perform: () => collect(),
    },
  },
  presets: [
    {
      name: 'Collect',
      type: 'automatic',
      partnerAction: 'collect',
      subscribe: 'type = "track"',
      mapping: {},
    },
  ],
};
