import type { Mutation } from './mutation.ts';

const inFile = (file: string, mutations: readonly Omit<Mutation, 'file'>[]): Mutation[] =>
  mutations.map((mutation) => ({ file, ...mutation }));

/** Users whose events go together, and fail one by one. */
const sharedRequests: Mutation['under'] = {
  orderBy: 'user',
  actions: ['a'],
  batchSize: 3,
  judged: 'each',
  wholeRequest: 0,
  failing: 0.6,
  calmAt: 120_000,
};

/** Mistakes in what a lane does with an outcome, and in what it hands out. */
export const laneMutations: readonly Mutation[] = [
  ...inFile('lane.ts', [
    {
      name: 'the bit of what was delivered is not set',
      from: `this.#books.set(task.actionId, task.entry.position);
        if`,
      to: 'if',
    },
    {
      name: 'the bit is set before the outcome is known',
      from: 'this.#inFlight += batch.length;',
      to: `this.#inFlight += batch.length;
    for (const task of batch) this.#books.set(task.actionId, task.entry.position);`,
    },
    {
      name: 'the bit of what another run delivered is not set',
      from: 'for (const actionId of offered.have) this.#books.set(actionId, entry.position);',
      to: '',
    },
    {
      name: 'a probe leaves beside what is in flight',
      from: `may === 'no' || (may === 'probe' && this.#inFlight > 0)`,
      to: `may === 'no'`,
    },
    {
      name: 'a request that left is forgotten, probe or not',
      from: 'if (batch.length > 0) this.#failures.sent(batch, may);',
      to: '',
    },
    {
      name: 'a whole batch probes',
      from: `may === 'probe' ? this.#takeProbe() : `,
      to: '',
    },
    {
      name: 'an event overtakes those of its user that wait',
      from: 'else if (this.#order.isBlocked(entry.orderKey)) {',
      to: 'else if (this.#order.isBlocked(entry.orderKey) && entry.position < 0) {',
    },
    {
      name: 'a probe that was malformed or suppressed keeps the next from leaving',
      from: `case 'suppressed':
        this.#unsend();`,
      to: `case 'suppressed':`,
      under: { outages: [{ from: 20, to: 5_000, kind: 'unreachable' }], calmAt: 30_000 },
    },
    {
      name: 'what is suppressed counts as had',
      from: `case 'suppressed':
        this.#unsend();`,
      to: `case 'suppressed':
        this.#unsend();
        this.#books.set(task.actionId, task.entry.position);`,
    },
    {
      name: 'a probe that was not sent keeps the next from leaving',
      from: `case 'notSent':
        this.#unsend();`,
      to: `case 'notSent':`,
    },
    {
      name: 'what was not sent stays in flight',
      from: `settle(task: Task<E>, outcome: Outcome, now: number): void {
    this.#inFlight--;`,
      to: `settle(task: Task<E>, outcome: Outcome, now: number): void {
    if (outcome.kind !== 'notSent') this.#inFlight--;`,
    },
    {
      name: 'a failure of a whole request blames each event of it',
      from: `if (first !== undefined && 'together' in first) {`,
      to: `if (first === undefined) {`,
    },
    {
      name: 'a commit does not tell that waiting rows have ended',
      from: `this.#endings.written();
    return`,
      to: 'return',
    },
  ]),
  ...inFile('lane-failures.ts', [
    {
      name: 'what waits for its next try is tried though the account is down',
      from: 'if (!wasDown) this.#recall();',
      to: '',
    },
    {
      name: 'suspects stay suspected though the streak shows that the destination is at fault',
      from: 'if (!wasDown && this.#health.down !== null) this.#recall();',
      to: '',
    },
    {
      name: 'what is refused once dies at once',
      from: `else if (isShown) this.#endings.die(task, now);
        else this.#suspects.add(task);`,
      to: 'else this.#endings.die(task, now);',
    },
    {
      name: 'what is refused is tried again and again',
      from: `else if (outcome.kind === 'failed') this.#tryAgain(task, now);`,
      to: `else if (outcome.kind === 'failed' || !isShown) this.#tryAgain(task, now);`,
    },
    {
      name: 'an answer to what had left before a failure shows who is at fault',
      from: 'requests: this.#requests };',
      to: 'requests: 0 };',
    },
    {
      name: 'what fails again speaks for the destination again',
      from: `const saysNothing = isKnown || isShown || (outcome.kind === 'failed' && isUp && task.atFault);`,
      to: `const saysNothing = isKnown || (isShown && outcome.kind === 'refused');`,
    },
    {
      name: 'a refusal that a person has foreseen holds the run again',
      from: `kind === 'refused' && this.#isOwnRefusal(failure.errorClass);`,
      to: 'false;',
    },
    {
      name: 'a probe that left is forgotten',
      from: `if (may === 'probe') this.#health = probeSent(this.#health);`,
      to: '',
    },
    {
      name: 'a success condemns nobody',
      from: `this.#become(succeeded(this.#health, now));
    this.condemn(now);`,
      to: 'this.#become(succeeded(this.#health, now));',
    },
    {
      name: 'a refusal in doubt is given up on as soon as a stream rests',
      from: 'if (this.#order.hasBehind(task.entry)) this.#endings.die(task, now);\n      else',
      to: 'if (task !== null) this.#endings.die(task, now);\n      else',
    },
    {
      name: 'a refusal that was set aside stays in doubt whatever the destination takes',
      from: 'requests: inDoubt ? this.#requests : -1',
      to: 'requests: this.#requests',
    },
    {
      name: 'a refusal that was set aside is at fault although nothing was taken since',
      from: 'requests: inDoubt ? this.#requests : -1',
      to: 'requests: -1',
    },
    {
      name: 'an event whose older one was set aside is sent a second time',
      from: 'if (!this.#order.isHalted(task.entry)) return otherwise();',
      to: 'return otherwise();',
      under: sharedRequests,
    },
    {
      name: 'an event that follows a set aside one keeps its order key',
      from: `this.#endings.standBehind(task.entry, [task], now);
    this.#order.release(task.entry);`,
      to: 'this.#endings.standBehind(task.entry, [task], now);',
      under: sharedRequests,
    },
    {
      name: 'what was named is sent together again with what it follows',
      from: `task.most = 1;
    this.#order.putBack(task);`,
      to: 'this.#order.putBack(task);',
      under: { ...sharedRequests, judged: 'named', failing: 0 },
    },
    {
      name: 'what failed never comes back',
      from: 'this.#retries.add(task, now + ladderDelayMs(task.tries, this.#random()));',
      to: ';',
    },
    {
      name: 'what failed is tried again at once',
      from: 'this.#retries.add(task, now + ladderDelayMs(task.tries, this.#random()));',
      to: 'this.#order.putBack(task);',
    },
    {
      name: 'a request that failed as a whole is not split',
      from: 'task.most = Math.ceil(tasks.length / 2);',
      to: '',
    },
    {
      name: 'all that failed together are suspected',
      from: `else if (outcome.kind === 'refused' || this.#order.hasOlder(task.entry)) this.#order.putBack(task);`,
      to: `else if (outcome.kind === 'refused') this.#suspects.add(task);`,
    },
    {
      name: 'what cannot be read on is not set aside',
      from: 'this.#endings.setAside(task, now);\n    for (const task of this.#retries.takeDue(now))',
      to: 'this.#endings.die(task, now);\n    for (const task of this.#retries.takeDue(now))',
    },
  ]),
  ...inFile('lane-endings.ts', [
    {
      name: 'a row that waited is not ended',
      from: 'if (entry.due) this.#endRow(task, bucket, now);',
      to: '',
    },
    {
      name: 'a key stays blocked after its last row',
      from: 'this.#order.addWaiting(entry.orderKey, -1);',
      to: '',
    },
    {
      name: 'the rows of an event do not learn how its others ended',
      from: 'for (const other of entry.rows) this.#books.wait(rowOf(other, restOf(entry), now, 0));',
      to: '',
    },
    {
      name: 'what stood behind an ended one is not promoted',
      from: 'this.#books.promote(entry.orderKey);',
      to: ';',
    },
    {
      name: 'what follows a due event that is set aside again overtakes it',
      from: `for (const { entry: follower, tasks } of this.#order.halt(entry.orderKey))
      if (tasks.some(({ failure }) => failure !== null)) this.standBehind(follower, tasks, now);`,
      to: '',
    },
    {
      name: 'followers of an event that is set aside are forgotten',
      from: '\n        this.standBehind(follower, tasks, now);',
      to: ';',
    },
    {
      name: 'what failed five times is dead instead of waiting',
      from: 'if (isExhausted(ageMs, task.rounds, behind)) return this.die(task, now);',
      to: 'return this.die(task, now);',
    },
    {
      name: 'what failed for hours waits for ever',
      from: 'if (isExhausted(ageMs, task.rounds, behind)) return this.die(task, now);',
      to: '',
    },
    {
      name: 'rows are read again before their end is written',
      from: `#closeDue(entry: Entry<E>, now: number): void {
    this.#dueUnwritten++;`,
      to: '#closeDue(entry: Entry<E>, now: number): void {',
    },
    {
      name: 'an event that stands behind another does not block its key',
      from: 'this.#stand(entry.orderKey, tasks.length);',
      to: '',
    },
    {
      name: 'a key is not blocked by what is set aside',
      from: 'this.#order.addWaiting(orderKey, asides.length);',
      to: '',
    },
    {
      name: 'the end of a due event is not counted',
      from: 'return this.#books.endEvent(entry.position, restOf(entry)!);',
      to: 'return;',
    },
    {
      name: 'a dead letter is not written',
      from: 'this.#books.die({ position: task.entry.position, actionId, attempts, ageMs, failure: failure! });',
      to: '',
    },
    {
      name: 'an event is closed with its first delivery',
      from: 'if (--entry.open === 0) this.#close(entry, now);',
      to: '--entry.open; this.#close(entry, now);',
    },
  ]),
  ...inFile('lane-entry.ts', [
    {
      name: 'each round begins the four hours anew',
      from: 'firstFailedAt: ageMs === null ? null : now - ageMs,',
      to: 'firstFailedAt: null,',
    },
    {
      name: 'an event forgets how its other deliveries ended before',
      from: 'if (entry.rest !== null) ended.push(entry.rest);',
      to: '',
    },
    {
      name: 'a waiting row does not know since when it fails',
      from: 'ageMs: firstFailedAt === null ? null : now - firstFailedAt,',
      to: 'ageMs: firstFailedAt === null ? null : now,',
    },
  ]),
];
