import type { EventFilter } from '../src/core/event-filter.ts';
import { days, sourceIds } from './search-archive.ts';

const dayMs = 86_400_000;

/** A kind of question, with other values each time. @param draw 0 to 1 */
export type Question = (draw: () => number) => EventFilter;

const ago = (day: number) => new Date(Date.now() - day * dayMs).toISOString();
/** A day's length somewhere in the live part of the archive. */
const someDay = (draw: () => number) => {
  const begins = 1 + draw() * (days - 2);
  return { from: ago(begins), to: ago(begins - 1) };
};
const received = (draw: () => number) => {
  const { from, to } = someDay(draw);
  return { receivedFrom: from, receivedTo: to };
};
/** As busy as who sent an event that is picked blindly. */
const somebody = (draw: () => number) => Math.floor(500_000 * draw() ** 3);
const feature = (draw: () => number) => `Feature ${Math.floor(40 * draw() ** 2)}`;
const rareName = (draw: () => number) => `Rare ${Math.floor(2_000 * draw())}`;

/** What is asked of the archive that `fillArchive` makes, by name. */
export const questionsOf = (events: number): Readonly<Record<string, Question>> => ({
  'nothing (the newest)': () => ({}),
  type: (draw) => ({ types: [(['track', 'page', 'group', 'alias'] as const)[Math.floor(draw() * 4)]!] }),
  'common name': (draw) => ({ names: [feature(draw)] }),
  'name of one event in 100,000': (draw) => ({ names: [rareName(draw)] }),
  'user as busy as they come': (draw) => ({ users: [`user-${somebody(draw)}`] }),
  'user of few events': (draw) => ({ users: [`user-${Math.floor(500_000 * (0.5 + draw() / 2))}`] }),
  'user of about fifty events': (draw) => ({
    // Of so many events by `somebody` the share of number n is n^(-2/3) / (3 * 500000^(1/3)); four of five have a userId.
    users: [`user-${Math.floor(((0.8 * events) / 3 / 500_000 ** (1 / 3) / 50) ** 1.5 * (0.9 + draw() / 5))}`],
  }),
  'user who is not there': (draw) => ({ users: [`nobody-${draw()}`] }),
  'busiest user and rare name': (draw) => ({ users: ['user-0'], names: [rareName(draw)] }),
  'busy user and name and a day': (draw) => ({
    users: [`user-${Math.floor(50 * draw())}`],
    names: [feature(draw)],
    ...received(draw),
  }),
  'ten users': (draw) => ({ users: Array.from({ length: 10 }, () => `user-${somebody(draw)}`) }),
  'source of 0.1 %': () => ({ sources: [sourceIds[5]!] }),
  'source that is not there': () => ({ sources: ['00000000-0000-4000-8000-00000000dead'] }),
  'a day (received)': received,
  'a day (event)': (draw) => {
    const { from, to } = someDay(draw);
    return { timestampFrom: from, timestampTo: to };
  },
  'a day and type and common name': (draw) => ({
    types: ['track'],
    names: [feature(draw)],
    ...received(draw),
  }),
  'a day and rare source': (draw) => ({ sources: [sourceIds[5]!], ...received(draw) }),
  imported: () => ({ origins: ['import'] }),
  messageId: (draw) => ({ messageId: `nothing-${draw()}` }),
  'start of a messageId': (draw) => ({
    messageIdPrefix: Math.floor(draw() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  }),
});
