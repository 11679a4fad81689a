import type { Mutation } from './mutation.ts';

const inFile = (file: string, mutations: readonly Omit<Mutation, 'file'>[]): Mutation[] =>
  mutations.map((mutation) => ({ file, ...mutation }));

/** Mistakes in what a lane writes down, and in what it knows when it begins again. */
export const booksMutations: readonly Mutation[] = [
  ...inFile('lane-books.ts', [
    {
      name: 'the mark moves past an open event',
      from: 'entry !== undefined && entry.open === 0;',
      to: 'entry !== undefined && entry.open <= 1;',
    },
    {
      name: 'the mark stands on the oldest open event',
      from: 'oldest.position - 1',
      to: 'oldest.position',
    },
    {
      name: 'the mark runs to what was read',
      from: 'this.#mark = oldest === undefined ? this.#scannedTo : oldest.position - 1;',
      to: 'this.#mark = this.#scannedTo;',
    },
    {
      name: 'what the mark passes stays counted ahead of it',
      from: `this.#ahead.discount(entry.settled, entry.reason);
      this.#tally`,
      to: 'this.#tally',
    },
    {
      name: 'an event that waited is moved in the counts twice',
      from: 'if (!this.#waiting.has(position)) this.#tally.moveEvent(bucket);',
      to: 'this.#tally.moveEvent(bucket);',
    },
    {
      name: 'an event that waited is not moved in the counts',
      from: 'if (!this.#waiting.has(position)) this.#tally.moveEvent(bucket);',
      to: '',
    },
    {
      name: 'what waits is taken for above the mark for ever',
      from: 'this.#waiting.delete(entry.position);',
      to: '',
    },
    {
      name: 'what waits above the mark is taken for below it',
      from: `if (entry.settled.some((one) => one.bucket === 'waiting')) this.#waiting.set(entry.position, entry);`,
      to: '',
    },
    {
      name: 'an ended row is not written',
      from: 'this.#ended.push({ position, actionId: end.actionId });',
      to: '',
    },
    {
      name: 'rows are written with every later commit',
      from: 'this.#rows = [];\n    this.#ended',
      to: 'this.#ended',
    },
    {
      name: 'ends are written with every later commit',
      from: 'this.#ended = [];\n    this.#dead',
      to: 'this.#dead',
    },
    {
      name: 'bits are thrown away before they are written',
      from: 'take(): LaneCommit {\n',
      to: 'take(): LaneCommit {\n    this.#bits = new Map();\n',
    },
    {
      name: 'what another delivery of the event came to is forgotten',
      from: 'one.actionId === end.actionId ? end : one',
      to: 'end',
    },
  ]),
  ...inFile('tally.ts', [
    {
      name: 'counts are handed out as they were before',
      from: `by: number): void {
    this.#counts = null;`,
      to: 'by: number): void {',
    },
    {
      name: 'the delivery that waited is counted twice',
      from: `bump(cells, 'waiting', -1);`,
      to: '',
    },
    {
      name: 'reasons are not counted',
      from: 'if (reason !== null) bump(this.#reasons, reason, by);',
      to: '',
    },
  ]),
  ...inFile('counts.ts', [
    {
      name: 'delivered comes before dead',
      from: `  'waiting',
  'dead',
  'unconfirmable',
  'delivered',`,
      to: `  'waiting',
  'unconfirmable',
  'delivered',
  'dead',`,
    },
  ]),
  ...inFile('coverage.ts', [
    {
      name: 'a bit is looked up in the wrong byte',
      from: '(bits[offset >> 3] ?? 0)',
      to: '(bits[offset >> 4] ?? 0)',
    },
    {
      name: 'the last position of a chunk is set in the next one',
      from: 'return Math.floor(position / chunkPositions);',
      to: 'return Math.round(position / chunkPositions);',
    },
  ]),
  ...inFile('decide.ts', [
    {
      name: 'what this run has is sent again after a crash',
      from: `if (known.ownBit) {`,
      to: 'if (false) {',
    },
    {
      name: 'what waits or died above the mark is sent after a crash',
      from: 'if (known.ownRow !== null) return settled(known.ownRow);',
      to: '',
    },
    {
      name: 'what another run delivered is sent again',
      from: `if (mode !== 'all' && known.otherBit) return settled('alreadyDelivered', null, true);`,
      to: '',
    },
    {
      name: 'what waits in another run is sent',
      from: `if (known.waitsElsewhere) return settled('filtered', 'waiting_elsewhere');`,
      to: '',
    },
    {
      name: 'what was suppressed when it was read is sent',
      from: `if (known.suppressed) return settled('suppressed');`,
      to: '',
    },
    {
      name: 'what a retry is not about is sent',
      from: `if (!known.asked) return settled('filtered', 'not_to_retry');`,
      to: '',
    },
    {
      name: 'what the trigger leaves out is sent',
      from: `if (!known.triggered) return settled('filtered', 'trigger');`,
      to: '',
    },
    {
      name: 'an event counts as filtered although another action has it',
      from: `reason: isUnsent ? (reasons.get(bucket) ?? null) : null`,
      to: `reason: deliver.length === 0 ? ([...reasons.values()].find((one) => one !== null) ?? null) : null`,
    },
  ]),
];
